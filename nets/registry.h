#pragma once
#include <camber/nets.h>

/// One declaration a network: what its file tells the registry.
namespace camber::nets {

NetInfo unet_info();
NetInfo keras_unet_resnet34_info();
NetInfo keras_unet_vgg16_info();
NetInfo smp_unet_resnet34_info();
NetInfo smp_unet_vgg16_info();
NetInfo smp_unet_vgg16_bn_info();
NetInfo dynamic_unet_resnet34_info();
NetInfo deeplabv3_resnet50_info();
NetInfo deeplabv3_resnet101_info();
NetInfo resnet34_info();
NetInfo resnet50_info();
NetInfo resnet101_info();
NetInfo vgg16_info();
NetInfo vgg16_bn_info();
NetInfo keras_resnet34_info();
NetInfo keras_vgg16_info();

}  // namespace camber::nets
