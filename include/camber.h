/** @file
 * Camber's C interface: a trained network applied to frames, from C and from whatever calls C.
 *
 *     camber_model* model = NULL;
 *     if (camber_open("best.safetensors", NULL, &model) != CAMBER_OK) puts(camber_error_text());
 *     camber_frame frame = {
 *         .struct_size = sizeof frame, .pixels = pixels, .height = height, .width = width, .labels = labels};
 *     if (camber_run(model, &frame) != CAMBER_OK) puts(camber_error_text());
 *     camber_close(model);
 *
 * Any thread may use any handle. Calls on one handle wait for each other, those on separate handles run side by side;
 * on a GPU they take turns. No C++ exception leaves these functions, and nothing is printed.
 *
 * Every struct begins with its own size, which the caller sets: the library reads and writes no more than that, so that
 * a program compiled with another version's header goes on working. What an initialiser leaves out is 0, and means what
 * is said there.
 */
#ifndef CAMBER_H
#define CAMBER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CAMBER_API __attribute__((visibility("default")))
#else
#define CAMBER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** What a call came to. camber_error_text() says more of all but CAMBER_OK. */
typedef enum camber_status {
    CAMBER_OK = 0,
    CAMBER_BAD_ARGUMENT = 1,  /**< the caller's mistake: a null pointer, a size or a name that there is not */
    CAMBER_BAD_FILE = 2,      /**< a file that is missing, truncated, damaged, or no checkpoint of a segmentation */
    CAMBER_NO_DEVICE = 3,     /**< this build, machine or process cannot compute on the device */
    CAMBER_OUT_OF_MEMORY = 4, /**< in host memory or the GPU's */
    CAMBER_FAILED = 5         /**< anything else: a network whose output is not finite, a full disk */
} camber_status;

/** The library's version, "0.1.0". */
CAMBER_API const char* camber_version(void);

/** One line about the last call in this thread that was not CAMBER_OK: what is wrong and what to do. Valid until the
 * next such call in this thread; empty before the first. */
CAMBER_API const char* camber_error_text(void);

/** A checkpoint that was opened. */
typedef struct camber_model camber_model;

/** How a network is to run and to be shown frames. All 0 but the size: as it was trained. */
typedef struct camber_options {
    size_t struct_size;              /**< sizeof(camber_options) */
    const char* device;              /**< "cpu", "cuda", "reference"; NULL: the run's, else one that there is */
    const char* dtype;               /**< "f32" or "bf16"; NULL: the run's */
    int32_t threads;                 /**< of the CPU, 1 to 1024; 0: OMP_NUM_THREADS, else one a core */
    int32_t height, width;           /**< of the network's input, to which frames are resized; 0: as trained */
    int32_t own_size;                /**< not 0: every frame whole, at its own size */
    int32_t tile_height, tile_width; /**< not 0: every frame at its own size, in tiles of this one */
    float overlap;                   /**< share of a tile that lies over the next, to 0.95; 0: a quarter; -1: none */
    int32_t flip;                    /**< not 0: the mean of the probabilities of a frame and of its mirror image */
    int32_t scale_count;             /**< of scales */
    const double* scales;            /**< the mean over a frame at each of these times its size, 0.1 to 10 */
} camber_options;

/** Opens a checkpoint of `camber train` or `camber import`. `options`: NULL for the defaults. *model is a handle for
 * camber_close(), or NULL where the call fails. */
CAMBER_API camber_status camber_open(const char* checkpoint, const camber_options* options, camber_model** model);

/** Frees a handle that no other thread is using. NULL is allowed. */
CAMBER_API void camber_close(camber_model* model);

/** What a network takes and gives. Texts are valid until camber_close(). */
typedef struct camber_description {
    size_t struct_size;    /**< sizeof(camber_description) */
    const char* network;   /**< "unet" */
    const char* device;    /**< that it runs on */
    const char* dtype;     /**< of activations: "f32" or "bf16" */
    const char* resizing;  /**< how frames become the input: "antialias", "bilinear", "bilinear_corners", "nearest" */
    const char* table;     /**< name of the class table, "camvid11" */
    int32_t threads;       /**< of the CPU */
    int32_t height, width; /**< that frames are resized to, or of tiles; 0: frames go through whole */
    int32_t size_multiple; /**< of the input's height and width; frames at their own size are padded to it */
    int32_t channels;      /**< of the input: 1 (grey), 3 (RGB) or 4 (RGBA); frames of others are converted */
    int32_t classes;       /**< their ids are 0 to classes - 1 */
    int32_t void_id;       /**< of pixels that training ignored: beyond the classes, or one of them */
    float mean[3], std[3]; /**< the input is (pixel / 255 - mean) / std, for red, green and blue */
} camber_description;

/** Fills *description, whose struct_size is set. */
CAMBER_API camber_status camber_describe(const camber_model* model, camber_description* description);

/** What an id of a label map means. */
typedef struct camber_class {
    size_t struct_size; /**< sizeof(camber_class) */
    const char* name;   /**< UTF-8, valid until camber_close() */
    uint8_t colour[3];  /**< red, green, blue */
} camber_class;

/** Fills *description, whose struct_size is set, for a class or for void_id. */
CAMBER_API camber_status camber_describe_class(const camber_model* model, int32_t id, camber_class* description);

/** A frame, and where what is wanted of it goes. All memory is the caller's. At least one output is not NULL; each has
 * the frame's own size, rows from the top without gaps. After a failure outputs hold anything. */
typedef struct camber_frame {
    size_t struct_size;    /**< sizeof(camber_frame) */
    const uint8_t* pixels; /**< [height, width, channels], rows from the top */
    int32_t height, width; /**< at most 2^28 pixels */
    int32_t channels;      /**< 1 (grey), 3 (RGB) or 4 (RGBA); 0: 3 */
    size_t row_bytes;      /**< from the begin of a row to the next; 0: width * channels */
    uint8_t* labels;       /**< [height, width]: the id of the class with the largest logit */
    float* logits;         /**< [height, width, classes] */
    float* probabilities;  /**< [height, width, classes]: their softmax */
} camber_frame;

/** Judges a frame: label maps are those of `camber predict`. */
CAMBER_API camber_status camber_run(camber_model* model, const camber_frame* frame);

/** Reads a PNG or JPEG as `camber predict` does, upright, in 1, 3 or 4 channels. *pixels is for camber_free_picture(),
 * or NULL where the call fails. */
CAMBER_API camber_status camber_read_picture(const char* file, int32_t channels, uint8_t** pixels, int32_t* height,
                                             int32_t* width);
CAMBER_API void camber_free_picture(uint8_t* pixels);

/** Writes a PNG of 1 or 3 channels, label maps too. No half-written file is ever seen. */
CAMBER_API camber_status camber_write_png(const char* file, const uint8_t* pixels, int32_t height, int32_t width,
                                          int32_t channels);

#ifdef __cplusplus
}
#endif

#endif
