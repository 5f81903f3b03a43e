#pragma once
#include <camber/augment.h>
#include <camber/nets.h>

#include <string>

namespace camber {

/// The normalisation of RGB in [0, 1] that gives a network the input it was made for. A network that takes BGR gets RGB
/// with its first convolution turned round on import, so that mean and deviation are in RGB here.
Normalisation input_normalisation(const nets::Preprocessing& preprocessing);

/// Fills the encoder from a classifier's weights; the network has no memory yet. Returns a line about what fitted.
/// Throws UsageError when the network has no encoder of its own, Error when part of the encoder is not in the file.
std::string load_encoder_weights(nets::Net& net, const std::string& file);

/// Keeps the encoder's parameters as they are; its batch normalisations too when `batch_norms_too` (torchvision's
/// choice; segmentation_models leaves them trainable).
void freeze_encoder(nets::Net& net, bool batch_norms_too);

}  // namespace camber
