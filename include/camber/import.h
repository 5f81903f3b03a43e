#pragma once
#include <camber/module.h>
#include <camber/named_tensor.h>
#include <camber/weights.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// Weights of other libraries into our networks and back. Names are mapped by the tables in src/weights/name_maps;
/// layouts and conventions are converted here and nowhere else:
///
/// | | here | PyTorch | Keras |
/// | --- | --- | --- | --- |
/// | convolution | [Cout, Kh, Kw, Cin] | [Cout, Cin, Kh, Kw] | [Kh, Kw, Cin, Cout] |
/// | transposed convolution | [Cin, Kh, Kw, Cout] | [Cin, Cout, Kh, Kw] | [Kh, Kw, Cout, Cin] |
/// | linear | [out, in] | [out, in] | [in, out] |
/// | linear after flattening | in = H x W x C | in = C x H x W | in = H x W x C |
/// | batch normalisation | weight, bias | the same | gamma, beta |
/// | | running_mean, running_var | the same | moving_mean, moving_variance |
///
/// A batch normalisation's eps and momentum are no weights: the networks have their originals' own.
namespace camber {

namespace nets {
class Net;
}

/// Help of ImportOptions::prefix on the command line.
inline constexpr const char* prefix_help =
    "What the names of the wanted weights begin with, where a file has several sets of them: teacher, fold0, model, . "
    "for names without one beside others";

struct ImportOptions {
    /// The names in the file: one of import_sources(), or "auto" for the one under which most tensors fit.
    std::string from = "auto";
    /// What the names of the wanted set begin with, where a file has several: "teacher"; or a part of its name, as in
    /// "state_dict.teacher"; "." for names without a prefix beside others. Without it an average of the weights ("ema",
    /// "params_ema") goes before these, and sets that no such name tells apart are an Error.
    std::string prefix = "";
    /// Takes a classifier's weights for the encoder alone: its head is left out, the parameters below `encoder_paths`
    /// are filled, all others stay as they are.
    bool encoder_only = false;
    std::vector<std::string> encoder_paths = {};  ///< modules; empty: every parameter may be filled
    /// Anything missing, unexpected or of the wrong shape is an Error; otherwise a last layer for other classes, and
    /// tensors outside the network's layers, are let pass.
    bool strict = false;
    /// Takes what fits, whatever is missing.
    bool partial = false;
    /// The file's network wants BGR: the first convolution's input channels are turned round, so that ours takes RGB.
    bool bgr_input = false;
};

/// What came of an import. Names of sources are the file's, of targets the network's.
struct ImportReport {
    struct Match {
        std::string source, target;
    };
    struct WrongShape {
        std::string source, target;
        std::string source_shape, wanted_shape;  ///< both in the file's layout
        bool other_classes = false;              ///< they differ in the outputs of a layer alone
    };
    std::string from;                      ///< the table that was used
    std::string prefix;                    ///< what stands before the names in the file, "model." for example
    std::vector<std::string> passed_over;  ///< the same of other whole sets of weights in it
    std::vector<std::string> averages;     ///< the same of averages that are not whole, and so not taken
    std::vector<std::string> integers;     ///< sources whose elements are whole numbers, though they are weights
    std::vector<Match> matched;
    std::vector<std::string> missing;     ///< targets that the file has nothing for
    std::vector<std::string> unexpected;  ///< sources that the network has no place for
    std::size_t within = 0;               ///< of those, how many are inside its layers: the first ones
    std::vector<WrongShape> wrong_shape;
    /// Sources left out on purpose: counters, a classifier's head, what `prefix` lacks.
    std::vector<std::string> ignored;

    bool complete() const { return missing.empty() && unexpected.empty() && wrong_shape.empty(); }
    /// Whether the network is filled as its original was, but perhaps for a last layer for other classes.
    bool fits() const;
    /// Which of several whole sets was taken, and which were passed over; empty where there was one.
    std::string taken_set() const;
    /// A line of counts, then a line for each kind of trouble with at most `most` names.
    std::string text(std::size_t most = 8) const;
};
nlohmann::json to_json(const ImportReport& report);

/// The tables' names and a line about each, for help and errors.
std::vector<std::pair<std::string, std::string>> import_sources();

/// Options under which a network fits a file.
struct FittedOptions {
    nlohmann::json options;  ///< those given, and those that the file's names and shapes tell where they differ from
                             ///< the defaults
    bool fits = false;       ///< see ImportReport::fits()
};

/// What the file says of the options of `net` (classes, channels, widths, kernels, flags) that are not `given`: whole
/// numbers are looked for among the file's extents, one option after the other, while more tensors fit. Throws as
/// make_net() and import_weights() for what is given.
FittedOptions fitted_options(const WeightFile& file, const std::string& net, const nlohmann::json& given,
                             const ImportOptions& options = {});

/// Throws Error naming what the file is of, where that is not `net` with what is `given`: the same network with other
/// options, or another network of Camber's; with options.encoder_only those whose encoder the file fills, where it
/// does not fill that of `net`. Returns where none fits.
void name_what_fits(const WeightFile& file, const std::string& net, const nlohmann::json& given,
                    const ImportOptions& options = {});

/// Fills the network's parameters and running statistics from the file. Those that have no memory yet get it on the
/// host, so that a network can be filled before a ParameterBuffer initialises the rest. What does not fit stays as it
/// was and is in the report. Storage versions are bumped. Throws UsageError for an unknown `from` or one that does not
/// suit the file's format; Error when nothing fits, when not all does (see ImportReport::fits(), `strict` and
/// `partial`), when a Keras file says that its model has other layers between its weights than the network (not with
/// `partial`), and when the file cannot be read. Nothing is written before names and shapes have been judged.
ImportReport import_weights(const WeightFile& file, nn::Module& network, const ImportOptions& options = {});

/// Whether the Keras model that a file has divides its pixels by 255, which makes them those of `input` "unit".
bool says_unit_pixels(const WeightFile& file);

/// The layers that a network has between its weights, in a line: what is taken for granted of a file of Keras's weights
/// that does not say it. Empty for other files.
std::string assumed_layers(const WeightFile& file, const nets::Net& net);

/// `options` of a network with those of `said` that leave no trace in a file of its weights, but for what was `given`:
/// the style of batch normalisation, say. Throws UsageError for a value that there cannot be.
nlohmann::json with_untraced(const std::string& net, nlohmann::json options, const nlohmann::json& said,
                             const nlohmann::json& given);

/// The options of a network that leave no trace in a file of PyTorch's weights alone, with their values: what is taken
/// for granted of it, unless it was `given`: "--blur false, --blur-final true"; and Original::untraced. Empty for other
/// files and networks.
std::string untraced_options(const WeightFile& file, const nets::Net& net, const nlohmann::json& given);

/// The network's parameters and running statistics in PyTorch's layouts, on the host, under their own names, which for
/// networks whose original is PyTorch's are those of its state_dict: what load_state_dict takes. Networks of another
/// version of the original (style fastai2, say) have that version's.
/// `bgr_input`: the original takes BGR; the first convolution's input channels are turned round again.
std::vector<NamedTensor> export_weights(nn::Module& network, bool bgr_input = false);

/// Names in a model that export_onnx() writes.
inline constexpr const char *onnx_input = "image", *onnx_output = "logits", *onnx_labels = "labels";

struct OnnxOptions {
    int batch = 0;              ///< pictures at a time; 0: any number
    int height = 0, width = 0;  ///< of the pictures; both 0: any size
    /// Per channel of the picture, of a pixel v = 0..255: the network takes (v - mean) * factor.
    struct PixelScale {
        float mean, factor;
    };
    std::vector<PixelScale> pixels = {};  ///< given: the model does that, and takes pixels u8 [N, H, W, C]
    bool labels = false;                  ///< the model ends in label maps u8 [N, H, W], the first largest logit's
    bool fold_batch_norms = false;        ///< into the convolutions before them
};

/// Writes the network as it is evaluated, a model in ONNX with the operators of version 17, from f32 [N, C, H, W] in
/// RGB to logits f32 [N, classes, H, W] (a classifier's [N, classes]). Its initializers have the names and layouts of
/// export_weights(), those of heads for training left out, so that import_weights() takes them back unless batch norms
/// are folded. `metadata` goes into its metadata_props. Pictures whose size the network does not take are padded with
/// zeros and the logits cropped where it has an option for that. Appears whole or not at all. Throws UsageError for a
/// size that the network does not take, Error when the file cannot be written and in a build without ONNX.
void export_onnx(nets::Net& net, const std::filesystem::path& file, const OnnxOptions& options = {},
                 const std::map<std::string, std::string>& metadata = {});

/// Writes the weights of a network whose original is Keras's for `model.load_weights(file)`, in its order, layouts and
/// order of colours; `note` (see WeightFile::note()) beside them: a name that ends in .keras is a whole model, for
/// Keras 3's load_model(), one that ends in .weights.h5 is as Keras 3 has weights, any other as Keras 2, for tf_keras
/// and Keras 3. Appears whole or not at all; until then the file is in memory. Returns the number of tensors. Throws
/// UsageError for other networks, Error when the file cannot be written and in a build without HDF5.
std::size_t export_keras(nets::Net& net, const std::filesystem::path& file, const std::string& note = "");

}  // namespace camber
