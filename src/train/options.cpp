#include "train/options.h"

#include <camber/import.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "io/text_file.h"
#include "train/augmentations.h"
#include "train/loss.h"

namespace camber {
namespace {

/// Says of the row added last what differs from the usual.
struct Row {
    TrainOption& option;

    Row otherwise(const char* text) const { return option.otherwise = text, *this; }
    Row flag(const char* text) const { return option.flag = text, *this; }
    Row given(NumberRange range) const { return option.given_range = range, *this; }
    Row sets(std::vector<std::string> keys) const { return option.keys = std::move(keys), *this; }
    Row in_stages() const { return option.in_stages = true, *this; }
    Row beside() const { return option.beside = true, *this; }
    Row when(bool matters) const { return option.matters = matters, *this; }
    Row needs(bool there, const std::string& lacks) const { return option.lacks = there ? "" : lacks, *this; }
};

class Table {
  public:
    /// Rows from here on are in a group of the command line's help.
    void group(const char* name) {
        group_ = name;
        part("");
    }
    /// Rows from here on are in an object of their own in JSON, which stages can have or not.
    void part(const std::string& name, bool in_stages = false) {
        part_ = name;
        in_stages_ = in_stages;
    }

    /// A row whose flag is --NAME where there is help.
    template <class T>
    Row option(const std::string& name, T& field, NumberRange range, const std::string& help = "") {
        return add(name, &field, range, help);
    }
    template <class T>
    Row option(const std::string& name, T& field, const std::string& help = "") {
        return add(name, &field, {}, help);
    }
    template <Named E>
    Row option(const std::string& name, E& field, const std::string& help) {
        return add(name,
                   Choice{names_of<E>(), [&field] { return static_cast<std::size_t>(field); },
                          [&field](std::size_t i) { field = static_cast<E>(i); }},
                   {}, help);
    }
    /// "auto", or one of `among`.
    template <class E, std::size_t n>
    Row option(const std::string& text, std::optional<E>& field, const E (&among)[n], const std::string& help) {
        std::vector<std::string> names = names_of(among);
        names.insert(names.begin(), "auto");
        const auto get = [&field, &among] {
            return field ? static_cast<std::size_t>(std::find(among, among + n, *field) - among) + 1 : 0;
        };
        const auto set = [&field, &among](std::size_t i) { field = i == 0 ? std::optional<E>() : among[i - 1]; };
        return add(text, Choice{std::move(names), get, set}, {}, help);
    }
    template <Named E>
    Row option(const std::string& name, E& field, std::vector<double>& numbers, NumberRange range,
               const std::string& help) {
        option(name, field, help);
        TrainOption& row = rows.back();
        row.value = ChoiceOrNumbers{std::get<Choice>(row.value), &numbers};
        row.range = row.given_range = range;
        return {row};
    }
    Row option(const std::string& name, NumberOrAuto either, NumberRange range, const std::string& help) {
        return add(name, either, range, help);
    }
    Row option(const std::string& name, Spelling spelling, const std::string& help) {
        return add(name, spelling, {}, help);
    }

    std::vector<TrainOption> rows;

  private:
    Row add(const std::string& name, decltype(TrainOption::value) value, NumberRange range, const std::string& help) {
        TrainOption& row = rows.emplace_back();
        row.name = part_.empty() ? name : part_ + "." + name;
        row.value = std::move(value);
        row.range = row.given_range = range;
        row.help = help;
        row.group = group_;
        row.flag = "--" + name;
        std::replace(row.flag.begin(), row.flag.end(), '_', '-');
        row.keys = {part_.empty() ? name : part_};
        row.in_stages = in_stages_;
        return {row};
    }

    std::string group_, part_;
    bool in_stages_ = false;
};

std::string validation_text(const TrainConfig& c) {
    return c.validate_minutes > 0 ? fmt::format("{:g}min", c.validate_minutes) : fmt::format("{}", c.validate_epochs);
}

/// "2", or "5min".
void parse_validation(const std::string& text, TrainConfig& c) {
    constexpr std::string_view unit = "min";
    const bool minutes = text.ends_with(unit);
    int epochs = 0;
    double number = 0;
    const std::string wrong = minutes ? read_number(text.substr(0, text.size() - unit.size()), above(0), number)
                                      : read_number(text, at_least(1), epochs);
    if (!wrong.empty()) fail_usage("must be epochs, as 2, or minutes, as 5min, not '{}'", text);
    c.validate_epochs = epochs;
    c.validate_minutes = number;
}

/// "0.95,0.85".
void parse_momenta(const std::string& text, ScheduleConfig& schedule) {
    const std::size_t comma = std::min(text.find(','), text.size());
    double most = 0, least = 0;
    if (comma == text.size() || !read_number(text.substr(0, comma), from_below(0, 1), most).empty() ||
        !read_number(text.substr(comma + 1), from_below(0, 1), least).empty() || !(least > 0 && least <= most))
        fail_usage("must be two numbers below 1, the larger first, as 0.95,0.85, not '{}'", text);
    schedule.max_momentum = most;
    schedule.base_momentum = least;
}

}  // namespace

std::vector<TrainOption> train_options(TrainConfig& c) {
    const NumberRange share = from_to(0, 1), count = at_least(0), positive = at_least(1), amount = at_least(0);
    Table t;
    t.group("Options");
    t.option("data", c.data, "Folder of the dataset, in any layout of docs/datasets.md").beside();

    t.group("Network");
    t.option("net", c.net, "Network").otherwise("unet, or that of the checkpoint in --weights");
    t.option("net_options", c.net_options);
    t.option("weights", c.weights,
             "Weights of the whole network (a checkpoint, .pth, .h5, .keras, safetensors) to start from; a last layer "
             "for another number of classes starts anew");
    t.option("encoder_weights", c.encoder_weights,
             "A classifier's weights (.pth, .h5, safetensors) that the encoder starts from");
    t.option("prefix", c.prefix, prefix_help)
        .otherwise("an average: ema, params_ema")
        .needs(!c.weights.empty() || !c.encoder_weights.empty(), "without --weights or --encoder-weights")
        .when(!c.prefix.empty());
    t.option("freeze_encoder", c.freeze_encoder, "Keep the encoder's weights; batch norms go on learning").in_stages();
    t.option("freeze_batch_norms", c.freeze_batch_norms, "With --freeze-encoder: its batch norms too")
        .needs(c.freeze_encoder, "without --freeze-encoder")
        .in_stages();

    t.group("Data");
    t.option("size",
             Spelling{[&c] { return fmt::format("{}x{}", c.height, c.width); },
                      [&c](const std::string& text) {
                          std::tie(c.height, c.width) = parse_size(text), c.val_height = c.val_width = 0;
                      }},
             "HEIGHTxWIDTH of the network's input")
        .sets({"height", "width", "val_height", "val_width"});
    t.option("height", c.height, positive).in_stages();
    t.option("width", c.width, positive).in_stages();
    t.option("val_size",
             Spelling{[&c] { return fmt::format("{}x{}", c.val_height, c.val_width); },
                      [&c](const std::string& text) { std::tie(c.val_height, c.val_width) = parse_size(text); }},
             "HEIGHTxWIDTH of the network's input in validation and prediction")
        .otherwise("--size")
        .sets({"val_height", "val_width"});
    t.option("val_height", c.val_height, count).in_stages().when(c.val_height > 0);
    t.option("val_width", c.val_width, count).in_stages().when(c.val_width > 0);
    t.option("batch", NumberOrAuto{&c.batch}, positive, "Frames a batch, or auto: as many as the memory holds")
        .in_stages();
    t.option("threads", c.threads, from_to(0, 1024), "Threads that prepare batches").beside();
    t.option("cache_memory", c.cache_memory, from_to(0, 1e9),
             "Megabytes of decoded frames to keep; what does not fit is decoded anew in every epoch")
        .otherwise("half of the free memory")
        .beside()
        .when(c.cache_memory != 0);
    t.part("source");
    std::vector<std::string> layouts;
    for (const LayoutInfo& layout : data_layouts()) layouts.emplace_back(layout.name);
    t.option("layout", c.source.layout, "Layout of --data: " + one_of(layouts))
        .otherwise("what it looks like")
        .when(!c.source.layout.empty());
    t.option("classes", c.source.classes,
             fmt::format("Class table, {} or a file (JSON, CSV, text), that the data's classes become by name",
                         one_of(known_class_tables())))
        .otherwise("the data's own")
        .when(!c.source.classes.empty());
    t.option(
         "map", c.source.map,
         "What label ids become, as 255=void,7=3,9=Road: left, the number in the label map (of colours, the id that "
         "the folder's table gives the class, else its position from 0); right, a class by name or position, or "
         "void")
        .when(!c.source.map.empty());
    t.option("unknown", c.source.unknown, "What labels that are no class are")
        .when(c.source.unknown != UnknownLabels::refuse);
    t.option("val_fraction", c.source.val_fraction, from_below(0, 1),
             "Share of the frames for validation, above 0, where the data has no such split")
        .given({.low = 0, .high = 1, .low_open = true, .high_open = true})
        .otherwise("0.2 where it has no splits at all, else none")
        .when(c.source.val_fraction > 0);
    t.part("");
    t.option("learn_void", c.learn_void, "Learn void, where it is one of the classes").when(c.learn_void);
    t.option("judge_void", c.judge_void, "With --learn-void: judge it as the others too")
        .needs(c.learn_void, "without --learn-void")
        .when(c.judge_void);
    t.option("augment",
             Spelling{[] { return std::string(); }, [&c](const std::string& text) { parse_augmentations(text, c); }},
             "Random changes of the training frames, as flip,rotate=10,scale=0.75:2; none,flip: no others; their names "
             "are in docs/augmentation.md")
        .otherwise("the preset's")
        .needs(c.augment.enabled, "with --no-augment");
    t.part("augment", true);
    t.option("enabled", c.augment.enabled, "Whole frames, no random crop, flip, scale or colour").flag("--no-augment");
    AugmentConfig& a = c.augment;
    const AugmentConfig usual;
    t.option("interpolation", a.interpolation, "").when(a.interpolation != usual.interpolation);
    t.option("padding", a.padding, "").when(a.padding != usual.padding);
    t.option("base_size", a.base_size, count).when(a.base_size > 0);
    t.option("scale_min", a.scale_min, above(0));
    t.option("scale_max", a.scale_max, above(0));
    t.option("scale_distribution", a.scale_distribution, "").when(a.scale_distribution != usual.scale_distribution);
    t.option("aspect", a.aspect, amount);
    t.option("rotate", a.rotate, from_to(0, 180)).when(a.rotate > 0);
    t.option("warp", a.warp, from_to(0, most_warp)).when(a.warp > 0);
    t.option("affine_probability", a.affine_probability, share).when(a.affine_probability < 1);
    t.option("flip", a.flip, share);
    t.option("flip_vertical", a.flip_vertical, share);
    t.option("clahe", a.clahe, share).when(a.clahe > 0);
    t.option("blur", a.blur, from_to(0, most_blur)).when(a.blur > 0);
    t.option("emboss", a.emboss, share);
    t.option("edges", a.edges, share);
    t.option("sharpen", a.sharpen, share);
    t.option("filters_together", a.filters_together).when(a.filters_together);
    t.option("brightness", a.brightness, share);
    t.option("contrast", a.contrast, share);
    t.option("saturation", a.saturation, share);
    t.option("hue", a.hue, from_to(0, 0.5)).when(a.hue > 0);
    t.option("lighting", a.lighting, from_to(0, most_lighting)).when(a.lighting > 0);
    t.option("lighting_probability", a.lighting_probability, share).when(a.lighting_probability < 1);
    t.option("gamma", a.gamma, from_to(0, 10)).when(a.gamma > 0);
    t.option("noise", a.noise, share).when(a.noise > 0);
    t.option("cutout", a.cutout, share).when(a.cutout > 0);
    t.part("normalisation");
    t.option("mean", c.normalisation.mean);
    t.option("std", c.normalisation.std, above(0));

    t.group("Training");
    t.option("epochs", c.epochs, positive, "Passes over the training frames")
        .needs(c.minutes == 0, "with --minutes, which ends the run")
        .when(c.minutes == 0)
        .in_stages();
    t.option("epoch_batches", c.epoch_batches, count, "Batches an epoch, drawn anew each time")
        .otherwise("every frame once")
        .in_stages();
    t.option("minutes", c.minutes, from_to(0, 1e6),
             "End the run when they are over, whatever its speed; the schedule follows the clock")
        .otherwise("off");
    t.option("decisions", c.decisions).beside().when(!c.decisions.empty());
    t.option("lr", c.lr, amount, "Peak learning rate").in_stages();
    t.option("encoder_lr", c.encoder_lr, amount,
             "Times --lr for the encoder: one number, or one for each of its stages, as 0.01,0.1")
        .otherwise("1")
        .needs(!c.freeze_encoder || !c.freeze_batch_norms, "with --freeze-batch-norms: nothing of it learns")
        .in_stages();
    t.option("aux_lr", c.aux_lr, amount, "Times --lr for auxiliary heads").in_stages().when(c.aux_lr != 1);
    t.part("schedule", true);
    const ScheduleConfig& s = c.schedule;
    const bool steps = s.kind == ScheduleKind::step, polynomial = s.kind == ScheduleKind::polynomial,
               cosine = s.kind == ScheduleKind::cosine, one_cycle = s.kind == ScheduleKind::one_cycle;
    const std::string not_steps = fmt::format("with --schedule {}: it is for step", name(s.kind));
    t.option("kind", c.schedule.kind, "How the learning rate goes")
        .flag("--schedule")
        .sets({"schedule", "lr_step_size"});
    t.option("total_steps", c.schedule.total_steps, count).when(polynomial || cosine || one_cycle);
    t.option("step_size", c.schedule.step_size, count).when(steps);
    t.option("gamma", c.schedule.gamma, above(0), "Schedule step: by what the rate is multiplied")
        .flag("--lr-gamma")
        .needs(steps, not_steps)
        .when(steps);
    t.option("warmup_steps", c.schedule.warmup_steps, count, "Steps of linear warm-up before the schedule")
        .flag("--warmup")
        .when(s.warmup_steps > 0);
    t.option("warmup_start", c.schedule.warmup_start, amount).when(s.warmup_steps > 0);
    t.option("power", c.schedule.power, above(0)).when(polynomial);
    t.option("end_factor", c.schedule.end_factor, amount).when(polynomial || cosine);
    t.option("pct_start", c.schedule.pct_start, share).when(one_cycle);
    t.option("div_factor", c.schedule.div_factor, above(0)).when(one_cycle);
    t.option("final_div_factor", c.schedule.final_div_factor, above(0)).when(one_cycle);
    const bool moves = s.max_momentum > 0;
    t.option(
         "momentum_range",
         Spelling{[&c] { return fmt::format("{},{}", c.schedule.max_momentum, c.schedule.base_momentum); },
                  [&c](const std::string& text) { parse_momenta(text, c.schedule); }},
         "Schedule one_cycle: momentum, or Adam's beta 1, from the first down to the second while the rate rises, and "
         "back, as 0.95,0.85")
        .flag("--cycle-momentum")
        .otherwise("off")
        .sets({"schedule"})
        .needs(one_cycle, fmt::format("with --schedule {}: it is for one_cycle", name(s.kind)));
    t.option("max_momentum", c.schedule.max_momentum, from_below(0, 1)).when(one_cycle && moves);
    t.option("base_momentum", c.schedule.base_momentum, from_below(0, 1)).when(one_cycle && moves);
    t.part("");
    t.option("lr_step_size", c.lr_step_size, count,
             "Schedule step: epochs after which the rate is multiplied, again and again")
        .given(positive)
        .otherwise("a third of the run")
        .needs(steps, not_steps)
        .in_stages();
    t.option("optimizer", c.optimizer, "Rule by which weights are stepped");
    const bool sgd = c.optimizer == OptimizerKind::sgd;
    const std::string not_sgd = fmt::format("with --optimizer {}: it is for sgd", name(c.optimizer));
    t.option("momentum", c.momentum, from_below(0, 1), "SGD's momentum").needs(sgd, not_sgd);
    t.option("beta2", c.beta2, from_below(0, 1), "Adam's and AdamW's decay of squared gradients")
        .needs(!sgd, "with --optimizer sgd: it is for adam and adamw");
    t.option("nesterov", c.nesterov, "SGD with Nesterov momentum")
        .needs(sgd && c.momentum > 0, sgd ? "with --momentum 0" : not_sgd);
    t.option("weight_decay", c.weight_decay, amount, "Not applied to biases and batch normalisation").in_stages();
    t.option("decay_all", c.decay_all, "Biases and batch normalisations decay too")
        .needs(c.weight_decay > 0, "with --weight-decay 0")
        .in_stages()
        .when(c.decay_all);
    t.option("clip", c.clip, amount, "Largest global gradient norm, 0 for none").in_stages();
    t.option("ema", c.ema, from_below(0, 1), "Decay of the weight average that is evaluated, 0 for none");
    t.option("accumulate", c.accumulate, positive, "Batches averaged before each step").in_stages();
    t.option("local_batch_norm", c.local_batch_norm,
             "Of several processes each normalises its share of a batch by itself (docs/distributed.md)")
        .when(c.local_batch_norm);
    std::vector<std::string> terms;
    for (const LossTerm& term : loss_terms) terms.push_back(term.name);
    t.option("loss",
             Spelling{[&c] { return loss_text(c.loss); }, [&c](const std::string& text) { parse_loss(text, c.loss); }},
             fmt::format("Terms {}, as cross_entropy+dice:0.5", fmt::join(terms, ", ")));
    t.part("loss");
    for (const LossTerm& term : loss_terms) t.option(term.name, c.loss.*term.weight, amount);
    t.option("ignore_index", c.loss.ignore_index, from_to(-1, 255));
    const bool entropy = c.loss.cross_entropy > 0;
    t.option("label_smoothing", c.loss.label_smoothing, share, "Cross-entropy's")
        .needs(entropy, "without the term cross_entropy of --loss");
    t.option("smooth", c.loss.smooth, amount);
    t.option("per_image", c.loss.per_image);
    t.option("focal_gamma", c.loss.focal_gamma, amount);
    t.part("");
    t.option("class_weights", c.class_weights, c.class_weight_list, from_to(0, 1e6),
             "Cross-entropy's: by median frequency, the square root of that, or numbers in the order of the classes, "
             "as 1,0.5,2, or a file of them")
        .needs(entropy || c.focal_class_weights || !has_class_weights(c),
               "without the term cross_entropy of --loss, or focal with --focal-class-weights");
    t.option("focal_class_weights", c.focal_class_weights, "Class weights are the focal term's alpha too")
        .when(c.focal_class_weights);
    t.option("seed", c.seed, count, "Of weights, order, augmentation and dropout");
    t.option("stages", c.stages);

    t.group("Stopping");
    t.option("monitor", c.monitor, "What makes an epoch the best");
    t.option("stop_at", c.stop_at, amount, "Stop once the monitored metric is this good").otherwise("off");
    t.option("patience", c.patience, count, "Stop after this many epochs without a better one").otherwise("off");
    t.option("checkpoint_minutes", c.checkpoint_minutes, amount, "Save at least this often").beside();
    t.option("checkpoint_every", c.checkpoint_every, count,
             "Keep the checkpoint of every so many epochs, as epoch-NUMBER.safetensors")
        .otherwise("none")
        .beside()
        .when(c.checkpoint_every > 0);
    t.option(
         "validate_every",
         Spelling{[&c] { return validation_text(c); }, [&c](const std::string& text) { parse_validation(text, c); }},
         "Validate after so many epochs, as 2, or minutes, as 5min")
        .otherwise("1; with --minutes, a fifth of the time at most")
        .sets({"validate_epochs", "validate_minutes"});
    t.option("validate_epochs", c.validate_epochs, count).when(c.validate_epochs > 0);
    t.option("validate_minutes", c.validate_minutes, from_to(0, 1e6)).when(c.validate_minutes > 0);
    t.option("pictures", c.pictures, count, "Validation frames to paint").beside();
    t.option("tensorboard", c.tensorboard,
             "Write files for TensorBoard into the run's folder: tensorboard --logdir runs")
        .beside()
        .when(c.tensorboard);

    t.group("Device");
    t.option("device", c.device, run_devices, "What the network runs on")
        .otherwise("cuda where there is a GPU, else cpu");
    t.option("dtype", c.dtype, run_dtypes, "Activations").otherwise("bf16 on a GPU that has it, else f32");
    t.option("memory", c.memory, from_to(0, 1e9), "Most megabytes of the device's memory that tensors take")
        .otherwise("all that there is")
        .beside()
        .when(c.memory != 0);
    return std::move(t.rows);
}

namespace {

/// Appends numbers that are separated by white space or commas; a list in JSON too. Returns "", or what the one that
/// was appended last must be and is not.
std::string read_numbers(std::string text, const NumberRange& range, std::vector<double>& numbers) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return std::string_view(",;[]\t\r\n").find(c) < 8; }, ' ');
    for (std::size_t begin = 0; (begin = text.find_first_not_of(' ', begin)) < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        std::string wrong = read_number(text.substr(begin, end - begin), range, numbers.emplace_back());
        if (!wrong.empty()) return wrong;
        begin = end;
    }
    return {};
}

/// Whether a list has a comma with no number before or after it.
bool has_gap(std::string_view list) {
    char before = ',';
    for (const char c : list) {
        if (c == ' ' || c == '[' || c == ']') continue;
        if (c == ',' && before == ',') return true;
        before = c;
    }
    return before == ',';
}

/// A file's. Throws Error.
std::vector<double> numbers_of(const std::string& file, const NumberRange& range) {
    constexpr std::uint64_t most_bytes = 1 << 20;
    std::vector<double> numbers;
    const std::string wrong = read_numbers(read_text(file, most_bytes), range, numbers);
    if (!wrong.empty()) fail("{}: number {} {}", file, numbers.size(), wrong);
    if (numbers.empty()) fail("{} has no numbers", file);
    return numbers;
}

/// Takes a text; see TrainOption::take().
struct Taker {
    const std::string& text;
    const NumberRange& range;

    std::string operator()(bool* to) const {
        if (text != "true" && text != "false") return fmt::format("must be true or false, not '{}'", text);
        return *to = text == "true", "";
    }
    std::string operator()(std::string* to) const { return *to = text, ""; }
    template <class T>
    std::string operator()(T* to) const requires std::is_arithmetic_v<T> {
        return read_number(text, range, *to);
    }
    std::string operator()(const ChoiceOrNumbers& either) const {
        const std::string wrong = (*this)(either.choice);
        if (wrong.empty()) return either.numbers->clear(), "";
        if (text.empty()) return wrong;
        if (text.find_first_not_of("0123456789.eE+-,[] ") == std::string::npos) {
            if (has_gap(text)) return fmt::format("lacks a number in '{}'", text);
            std::vector<double> numbers;
            std::string not_one = read_numbers(text, range, numbers);
            if (not_one.empty()) *either.numbers = std::move(numbers);
            return not_one;
        }
        try {
            return *either.numbers = numbers_of(text, range), "";
        } catch (const Error& error) {
            return fmt::format("{}, numbers or a file of them: {}", wrong.substr(0, wrong.find(", not '")),
                               error.what());
        }
    }
    std::string operator()(std::vector<double>* to) const {
        std::vector<double> numbers;
        for (std::size_t begin = 0; begin <= text.size();) {
            const std::size_t end = std::min(text.find(',', begin), text.size());
            std::string wrong = read_number(text.substr(begin, end - begin), range, numbers.emplace_back());
            if (!wrong.empty()) return wrong;
            begin = end + 1;
        }
        return *to = std::move(numbers), "";
    }
    std::string operator()(const Choice& choice) const {
        const auto found = std::find(choice.names.begin(), choice.names.end(), text);
        if (found == choice.names.end()) return fmt::format("must be {}, not '{}'", one_of(choice.names), text);
        return choice.set(static_cast<std::size_t>(found - choice.names.begin())), "";
    }
    std::string operator()(const NumberOrAuto& either) const {
        if (text == "auto") return *either.number = 0, "";
        std::string wrong = (*this)(either.number);
        if (wrong.starts_with("must be")) wrong.insert(7, " auto or");
        return wrong;
    }
    std::string operator()(const Spelling& spelling) const {
        try {
            return spelling.set(text), "";
        } catch (const UsageError& error) {
            return error.what();
        }
    }
    template <class T>
    std::string operator()(T*) const {
        return "can be given in JSON alone";
    }
};

/// A value as help shows it.
struct Shower {
    std::string operator()(const bool*) const { return ""; }
    std::string operator()(const std::string* text) const { return *text; }
    template <class T>
    std::string operator()(const T* number) const requires std::is_arithmetic_v<T> {
        return fmt::format("{}", *number);
    }
    std::string operator()(const Choice& choice) const { return choice.names[choice.get()]; }
    std::string operator()(const ChoiceOrNumbers& either) const { return (*this)(either.choice); }
    std::string operator()(const NumberOrAuto& either) const {
        return *either.number > 0 ? (*this)(either.number) : "auto";
    }
    std::string operator()(const Spelling& spelling) const { return spelling.get(); }
    template <class T>
    std::string operator()(const T*) const {
        return "";
    }
};

}  // namespace

std::string TrainOption::take(const std::string& text) const { return std::visit(Taker{text, given_range}, value); }

const char* TrainOption::type() const {
    if (is<int*>() || is<std::int64_t*>() || is<NumberOrAuto>()) return "INT";
    if (is<std::uint64_t*>()) return "UINT";
    return is<double*>() || is<std::vector<double>*>() ? "FLOAT" : "TEXT";
}

nlohmann::json::json_pointer TrainOption::place() const {
    std::string path = "/" + name;
    std::replace(path.begin(), path.end(), '.', '/');
    return nlohmann::json::json_pointer(path);
}

std::string TrainOption::spelled() const {
    std::string name = flag.substr(2);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

std::string TrainOption::full_help() const {
    std::string text = help;
    if (const auto* either = std::get_if<ChoiceOrNumbers>(&value)) text += ": " + one_of(either->choice.names);
    if (const auto* choice = std::get_if<Choice>(&value)) text += ": " + one_of(choice->names);
    const std::string shown = otherwise.empty() ? std::visit(Shower(), value) : otherwise;
    return shown.empty() ? text : fmt::format("{} [{}]", text, shown);
}

void refuse_without_effect(const TrainConfig& config, const std::function<bool(const std::string&)>& given) {
    std::map<std::string, std::string> refused;
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        TrainConfig stage = stage_config(config, i);
        for (const TrainOption& option : train_options(stage)) {
            if (!given(option.name)) continue;
            if (i == 0) refused[option.flag] = option.lacks;
            if (option.lacks.empty()) refused.erase(option.flag);
        }
    }
    for (const auto& [flag, lacks] : refused) fail_usage("{} has no effect {}", flag, lacks);
}

std::string set_train_option(TrainConfig& config, const std::string& name, const std::string& text) {
    for (const TrainOption& option : train_options(config)) {
        if (option.name == name) return option.take(text);
    }
    fail_usage("a run has no option '{}'", name);
}

}  // namespace camber
