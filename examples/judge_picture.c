/* Applies a checkpoint to a picture, in C: says what share of it each class has, and paints the classes.
 *   judge_picture CHECKPOINT PICTURE OUT.png
 */
#include <camber.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with the library's line where a call has failed. */
static void check(camber_status status) {
    if (status == CAMBER_OK) return;
    fprintf(stderr, "judge_picture: %s\n", camber_error_text());
    exit(status == CAMBER_BAD_ARGUMENT ? 2 : 1);
}

static void* allocate(size_t bytes) {
    void* const memory = malloc(bytes);
    if (memory) return memory;
    fprintf(stderr, "judge_picture: out of memory\n");
    exit(1);
}

int main(int count, char** arguments) {
    if (count != 4) {
        fprintf(stderr, "judge_picture: takes CHECKPOINT PICTURE OUT.png\n");
        return 2;
    }
    camber_model* model = NULL;
    const camber_options options = {.struct_size = sizeof options, .device = "cpu"};
    check(camber_open(arguments[1], &options, &model));
    camber_description network = {.struct_size = sizeof network};
    check(camber_describe(model, &network));
    printf("%s on %s, %dx%d, %d classes\n", network.network, network.device, network.height, network.width,
           network.classes);

    uint8_t* pixels = NULL;
    camber_frame frame = {.struct_size = sizeof frame};
    check(camber_read_picture(arguments[2], 3, &pixels, &frame.height, &frame.width));
    const size_t size = (size_t)frame.height * (size_t)frame.width;
    uint8_t* const labels = allocate(size);
    frame.pixels = pixels;
    frame.labels = labels;
    check(camber_run(model, &frame));

    uint8_t* const painted = allocate(3 * size);
    for (int id = 0; id < network.classes; ++id) {
        camber_class named = {.struct_size = sizeof named};
        check(camber_describe_class(model, id, &named));
        size_t found = 0;
        for (size_t i = 0; i < size; ++i) {
            if (labels[i] != id) continue;
            for (size_t c = 0; c < 3; ++c) painted[3 * i + c] = named.colour[c];
            ++found;
        }
        if (found > 0) printf("%-12s %5.1f%%\n", named.name, 100.0 * (double)found / (double)size);
    }
    check(camber_write_png(arguments[3], painted, frame.height, frame.width, 3));
    free(painted);
    free(labels);
    camber_free_picture(pixels);
    camber_close(model);
    return 0;
}
