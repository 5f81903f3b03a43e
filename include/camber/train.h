#pragma once
#include <camber/augment.h>
#include <camber/data_folder.h>
#include <camber/dataset.h>
#include <camber/lr_range_test.h>
#include <camber/metrics.h>
#include <camber/nets.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <camber/schedule.h>
#include <camber/types.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

/// Training, evaluation and prediction: networks, data, losses, optimizers and checkpoints put together.
namespace camber {

/// What decides the best epoch.
enum class Metric { mean_iou, pixel_accuracy, iou_score, loss };
template <>
inline constexpr std::array enum_names<Metric> = {"mean_iou", "pixel_accuracy", "iou_score", "loss"};

/// Cross-entropy's.
enum class ClassWeights {
    none,
    median,  ///< median_frequency_weights()
    sqrt,    ///< their square root: gentler
};
template <>
inline constexpr std::array enum_names<ClassWeights> = {"none", "median", "sqrt"};

/// What networks run on, and in.
inline constexpr Device run_devices[] = {Device::cuda, Device::cpu, Device::emulated, Device::reference};
inline constexpr Dtype run_dtypes[] = {Dtype::f32, Dtype::bf16};

/// Everything that decides what a run computes. Written to config.json and into every checkpoint.
struct TrainConfig {
    std::string net = "unet";
    /// As make_net() takes them; "classes" is set from the data, and refused where it is another number.
    nlohmann::json net_options = nlohmann::json::object();

    std::string weights;              ///< file of a whole network's weights that training starts from; empty: none
    std::string encoder_weights;      ///< file of a classifier's weights that the encoder starts from; empty: none
    std::string prefix;               ///< which of several sets in either: ImportOptions::prefix
    bool freeze_encoder = false;      ///< its weights stay as they are
    bool freeze_batch_norms = false;  ///< with freeze_encoder: its batch normalisations' too

    std::string data;      ///< folder of the dataset
    FolderOptions source;  ///< how it is read; source.otherwise is not stored
    /// Where void is one of the classes, it is learnt as the others are: published systems did.
    bool learn_void = false;
    bool judge_void = false;  ///< with learn_void: and judged as the others are
    int height = 256;         ///< of the network's input
    int width = 256;
    int val_height = 0, val_width = 0;  ///< in validation and prediction; 0: the same
    int batch = 8;                      ///< frames; 0 ("auto"): as many as the memory holds
    bool local_batch_norm = false;      ///< each of several processes normalises its share of a batch by itself
    int accumulate = 1;                 ///< batches whose gradients are averaged before each optimizer step
    AugmentConfig augment;
    Normalisation normalisation;

    std::optional<Device> device;  ///< one of run_devices; none ("auto"): a GPU where there is one, else the CPU
    std::optional<Dtype> dtype;    ///< of activations; none ("auto"): bf16 on a GPU that has it, else f32
    std::uint64_t seed = 1;
    int threads = 2;       ///< loader workers; has no influence on results
    int memory = 0;        ///< MB of the device's memory that tensors may take, 0: all; no influence on results
    int cache_memory = 0;  ///< MB of decoded frames that are kept, 0: half of the free memory; no influence either

    int epochs = 60;
    int epoch_batches = 0;  ///< > 0: an epoch is at most this many batches, drawn anew each time
    /// > 0: instead of `epochs`, the clock ends the run after this many minutes, and the schedule follows it.
    double minutes = 0;
    /// What a run of `minutes` has decided by the clock (src/train/pace.h): one that is given them repeats them.
    nlohmann::json decisions = nlohmann::json::array();

    OptimizerKind optimizer = OptimizerKind::adamw;
    double lr = 1e-3;
    double weight_decay = 1e-4;  ///< not applied to biases and batch normalisation, unless
    bool decay_all = false;
    double aux_lr = 1;  ///< multiplies the learning rate of auxiliary heads (Net::training_paths())
    /// Multiplies the learning rate of the encoder: one number for all of it, or one for each of
    /// Net::encoder_stages(); empty: 1.
    std::vector<double> encoder_lr;
    double beta2 = 0.999;   ///< Adam and AdamW
    double momentum = 0.9;  ///< SGD
    bool nesterov = false;
    double clip = 1.0;  ///< global gradient norm; 0: off
    double ema = 0;     ///< decay of the weight average; 0: off
    /// total_steps is set from epochs, and step_size from lr_step_size. Warm-up is given here in steps.
    ScheduleConfig schedule = {.kind = ScheduleKind::one_cycle};
    /// Schedule step: epochs after which the learning rate is multiplied by schedule.gamma, again and again; 0: a third
    /// of `epochs`.
    int lr_step_size = 0;

    SegmentationLossParams loss = {.cross_entropy = 1};  ///< ignore_index is set from the data
    ClassWeights class_weights = ClassWeights::none;
    std::vector<double> class_weight_list;  ///< one a class, in place of those; empty: those
    bool focal_class_weights = false;       ///< they are the focal term's alpha too

    Metric monitor = Metric::mean_iou;
    double stop_at = 0;        ///< > 0: stop once the monitored metric is this good
    int patience = 0;          ///< > 0: stop after this many epochs without a better one
    bool tensorboard = false;  ///< write files of events for TensorBoard
    int pictures = 4;          ///< validation frames to paint after each best epoch
    /// Epochs between validations; 0: 1, or what follows from validate_minutes. With `minutes` validation takes at most
    /// a fifth of the time where neither says more. The last epoch is validated always.
    int validate_epochs = 0;
    /// > 0: validate_epochs is what comes nearest to this, by the time that the first epoch takes, or, with `minutes`,
    /// by that of late.
    double validate_minutes = 0;
    int checkpoint_every = 0;  ///< > 0: the checkpoint of each so many epochs is kept, as epoch-NUMBER.safetensors
    /// last.safetensors is saved at least this often; else after the epochs at which that takes less than 2% of the
    /// time.
    double checkpoint_minutes = 5;

    /// Parts of a run that follow each other, each an object of the fields in stage_fields() that hold there in place
    /// of the run's own. A stage goes on from the weights so far with an optimizer and a schedule of its own. Empty:
    /// one stage.
    nlohmann::json stages = nlohmann::json::array();
};

/// Names of the fields that a stage can have.
std::vector<std::string> stage_fields();
std::size_t stage_count(const TrainConfig& config);
/// What holds in a stage, counted from 0. Throws Error for a field that no stage can have, or of the wrong type.
TrainConfig stage_config(const TrainConfig& config, std::size_t stage);

/// Puts what this machine has in place of "auto".
void resolve_device(TrainConfig& config);

nlohmann::json to_json(const TrainConfig& config);
/// Fields left out keep their defaults. Throws Error, naming the field behind `source`, on one that is not known, of
/// the wrong type or out of range.
TrainConfig train_config(const nlohmann::json& json, const std::string& source = "the run's configuration");
/// Throws UsageError naming the field for a number out of range or not finite, and for a text that is not UTF-8, which
/// config.json could not carry.
void check_config(const TrainConfig& config);

struct TrainPreset {
    const char* name;
    const char* what;  ///< a few words
};
/// The published systems' hyperparameters (docs/published_systems.md), and what suits this machine.
std::vector<TrainPreset> train_presets();
/// Throws UsageError listing them for another name.
TrainConfig train_preset(const std::string& name);

/// How evaluate() and predict() put a picture through a network. As it is, the picture is resized to the input that the
/// network was trained with, and the logits back to the picture's size.
struct InferenceOptions {
    /// Above 0: the picture at its own size, in tiles, which are multiples of the network's size_multiple(). Where they
    /// lie over one another, logits are averaged, those of a tile's middle counting most. Pictures that are smaller are
    /// mirrored at their edges.
    int tile_height = 0, tile_width = 0;
    double overlap = 0.25;  ///< what a tile shares with the next at least, of its height and width, in [0, 0.95]
    bool own_size = false;  ///< the picture at its own size, whole
    bool flip = false;      ///< the mean of the probabilities of the input and of its mirror image
    /// The mean of the probabilities of the picture at its size, or the network's input, times each of these, in
    /// [0.1, 10]; tiles keep their size.
    std::vector<double> scales = {1};

    bool resizes() const { return !own_size && tile_height == 0; }
    bool scaled() const { return scales != std::vector<double>{1}; }
};

namespace inference {
class Network;
}

/// A network with its parameters in memory, and what is needed to feed it.
struct Model {
    TrainConfig config;
    std::unique_ptr<nets::Net> net;
    std::unique_ptr<nn::ParameterBuffer> parameters;
    ClassTable classes;
    Tensor class_weights;  ///< of the loss, f32 [C]; undefined when unweighted
    std::string start;     ///< a line about the weights that training starts from; empty for random ones
    /// Of a checkpoint that a run has written, its training set: {"data", "layout", "split", "frames", "fingerprint"};
    /// else null.
    nlohmann::json trained_on = {};
    InferenceOptions inference = {};
    std::shared_ptr<inference::Network> programs = {};  ///< made by evaluate() and predict(), for themselves

    Device device() const { return config.device.value(); }
    Dtype dtype() const { return config.dtype.value(); }
    /// Parameters and running statistics under their names, as checkpoints store them.
    std::vector<NamedTensor> tensors() const;
};

/// Channels of the pictures that a network takes: 1 (grey), 3 (RGB) or 4 (RGBA). Throws UsageError for one of others.
int picture_channels(const nets::Net& net);
/// Builds the network of `config` for `classes`. Without `training` there are no gradients and the network is in
/// evaluation. With `pretrained` config.weights is read into the network, or config.encoder_weights into its encoder.
Model make_model(const TrainConfig& config, const ClassTable& classes, bool training, bool pretrained = false);
/// The network and weights of a checkpoint, ready for evaluation. Its classes are stored in it. Empty device or dtype:
/// the checkpoint's own. Throws UsageError for what is no name of one.
Model load_model(const std::filesystem::path& checkpoint, const std::string& device = "",
                 const std::string& dtype = "");

/// Of one frame by itself; NaN where all of it is void.
struct FrameResult {
    double pixel_accuracy = 0;
    double mean_iou = 0;
};

struct EvalResult {
    ConfusionMatrix confusion;
    double loss = 0;       ///< mean over frames of the training loss, at the network's size
    double iou_score = 0;  ///< segmentation_models' soft score, mean over batches
    double images_per_second = 0;
    std::vector<FrameResult> frames = {};  ///< in the order of the dataset

    double metric(Metric metric) const;
};

/// Runs the network (in evaluation) over a split, in batches of the training run's size. Logits are resized (bilinear)
/// to each label map's own size before the largest is taken, so figures do not depend on the network's input size.
/// Stops early, throwing nothing, when *stop becomes true; on a GPU within a few batches.
EvalResult evaluate(Model& model, const Dataset& dataset, const Progress& progress = {},
                    const std::atomic<bool>* stop = nullptr);

/// The label map of a picture, at its own size; with_channels() the network's. See also camber/prediction.h.
Image predict(Model& model, const Image& image);
/// Of frames of a dataset, each at its label map's own size.
std::vector<Image> predict(Model& model, const Dataset& dataset, const std::vector<std::size_t>& frames);

/// What a run tells as it goes.
struct StepReport {
    int epoch = 0, epochs = 0;            ///< from 0; epochs 0: as many as the minutes have room for
    std::int64_t batch = 0, batches = 0;  ///< done in this epoch, and in all of it
    double loss = 0;                      ///< mean over the epoch so far
    double mean_iou = 0;                  ///< of the training batches so far in this epoch
    double lr = 0;
    double images_per_second = 0;
    double seconds_left = 0;  ///< of the whole run
    double progress = 0;      ///< of the whole run, 0 to 1
};
struct EpochReport {
    int epoch = 0, epochs = 0;
    double train_loss = 0, train_accuracy = 0, train_mean_iou = 0;
    const EvalResult* validation = nullptr;  ///< null where the epoch was not validated
    bool best = false;
    double seconds = 0;
    double images_per_second = 0;  ///< of training alone
};
class TrainObserver {
  public:
    virtual ~TrainObserver() = default;
    virtual void on_message(const std::string&) {}
    virtual void on_step(const StepReport&) {}
    virtual void on_validation(std::size_t /*done*/, std::size_t /*total*/) {}
    virtual void on_epoch(const EpochReport&) {}
};

enum class TrainOutcome { finished, stopped_early, interrupted };
struct TrainResult {
    TrainOutcome outcome = TrainOutcome::finished;
    int epochs_done = 0;
    Metric monitor = Metric::mean_iou;  ///< what best_metric is
    double best_metric = 0;
    int best_epoch = -1;
    std::filesystem::path best_checkpoint;      ///< empty when there is none
    std::optional<EvalResult> best_validation;  ///< its validation, where that was in this session
};

/// Trains into `folder`: config.json, metrics.jsonl (a line an epoch), best.safetensors, last.safetensors, pictures/.
/// Sets up nothing in `folder` before data and network are known to be sound, and holds it against other processes from
/// then on. Checkpoints are written by a thread; whatever last.safetensors says of the best epoch is in
/// best.safetensors and pictures/. When *stop becomes true it saves and returns `interrupted`. Throws Error on bad
/// data, a full disk, a folder that another process trains in, or a loss that is not finite (naming step, learning rate
/// and last good checkpoint).
TrainResult train(TrainConfig config, const std::filesystem::path& folder, TrainObserver& observer,
                  const std::atomic<bool>& stop);

/// The learning-rate range test (camber/lr_range_test.h) of the run that `config` describes, of its first stage: from
/// the weights that it would start from, each step's rate being the range's. Nothing is kept. Ends early when *stop
/// becomes true. Throws Error as train() does, but for a loss that is not finite, which ends the test.
LrCurve find_lr(TrainConfig config, const LrRange& range, TrainObserver& observer,
                const std::function<void(const LrPoint&)>& on_point, const std::atomic<bool>& stop);

/// Changes what may change when a run goes on: what has no influence on what it computes (data, threads, memory,
/// checkpoints, pictures, tensorboard), and the epochs of a run of one stage whose schedule is constant or step. Other
/// schedules are laid out over the epochs that they were given.
using ResumeChange = std::function<void(TrainConfig&)>;
/// The run in `folder` goes on from last.safetensors and yields the numbers it would have without the interruption; one
/// that was ended before its first checkpoint begins anew from config.json. A run that has ended, by its epochs,
/// stop_at or patience, says so and stays as it is. Errors as train(); throws UsageError when there is no run, when
/// last.safetensors was removed, and when `change`, which can be empty, changes something else; Error when the data has
/// other classes.
TrainResult resume_training(const std::filesystem::path& folder, const ResumeChange& change, TrainObserver& observer,
                            const std::atomic<bool>& stop);

}  // namespace camber
