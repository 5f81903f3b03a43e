#pragma once
#include <camber/augment.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/train.h>

#include <string>

namespace camber {

/// The normalisation of RGB in [0, 1] that gives a network the input it was made for. A network that takes BGR gets RGB
/// with its first convolution turned round on import, so that mean and deviation are in RGB here.
Normalisation input_normalisation(const nets::Preprocessing& preprocessing);

/// Whether the file's first convolution takes BGR and is to be turned round on import: the originals of such networks
/// do, Camber's own files do not.
bool wants_bgr_turned(const nets::Net& net, const WeightFile& file);

/// Sets the option `input` of a network that is filled from Keras's file of a plain U-Net, unless it is set, to unit:
/// such a file does not say what its pixels are, and those that are published have them times 1/255. Files that Camber
/// wrote stay with the default, or what they say.
void assume_input(const WeightFile& file, const std::string& net, nlohmann::json& net_options);

/// Throws UsageError, naming the networks that segment, for one that gives a picture one class.
void refuse_classifier(const nets::Net& net);

/// Fills the encoder from a classifier's weights, of several sets those of `prefix` (see ImportOptions); the network
/// has no memory yet. Returns a line about what fitted.
/// Throws UsageError when the network has no encoder of its own, Error when part of the encoder is not in the file.
std::string load_encoder_weights(nets::Net& net, const std::string& file, const std::string& prefix = "");

/// Leaves the number of classes to the data, as far as options of a network that there was before say it; that of a
/// network of one channel stays, since both are possible on two classes.
void leave_classes_to_data(TrainConfig& config);

/// Takes the network, its options and its input's size from the checkpoint of Camber's in config.weights. Returns
/// false, and takes nothing, from another library's file.
bool take_network(TrainConfig& config);

/// Takes the options of config.net, but those `given` and the number of classes, from the names and shapes in
/// config.weights; its pixels as assume_input() does. Where the file fits with the options there are, those that it
/// cannot tell stay as they are. Throws Error naming what the file is of where it does not fit.
void take_net_options(TrainConfig& config, const nlohmann::json& given);

/// Fills the network from a file of all its weights, of several sets those of `prefix`: another library's or a
/// checkpoint. A last layer for other classes
/// keeps its initial values. Returns a line about it. Throws Error when anything else does not fit.
std::string load_network_weights(nets::Net& net, const std::string& file, const std::string& prefix = "");

/// Lets the encoder's parameters learn, or keeps them as they are; its batch normalisations too when `batch_norms_too`
/// (torchvision's choice; segmentation_models and fastai let them learn). Throws UsageError when the network has no
/// encoder of its own.
void freeze_encoder(nets::Net& net, bool frozen, bool batch_norms_too);

}  // namespace camber
