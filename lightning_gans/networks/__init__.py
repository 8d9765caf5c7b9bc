"""Generators, discriminators, translators and patch discriminators, which a config chooses by class name."""

from lightning_gans.networks.attention_translator import AttentionTranslator
from lightning_gans.networks.autoencoder import AutoencoderDiscriminator, BEGANGenerator
from lightning_gans.networks.base import Discriminator, Generator, IdentityTranslator, PatchDiscriminator, Translator
from lightning_gans.networks.biggan import BigGANDiscriminator, BigGANGenerator
from lightning_gans.networks.coarse_to_fine import CoarseToFineTranslator
from lightning_gans.networks.compact import CompactDiscriminator, CompactGenerator
from lightning_gans.networks.cut import CUTPatchGAN, CUTTranslator
from lightning_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lightning_gans.networks.encoding import EncodingTranslator
from lightning_gans.networks.fastgan import FastGANGenerator
from lightning_gans.networks.fastgan_discriminator import FastGANDiscriminator
from lightning_gans.networks.infogan import InfoGANDiscriminator, InfoGANGenerator
from lightning_gans.networks.latent_encoder import LatentEncoder, ResNetLatentEncoder
from lightning_gans.networks.latent_translator import LatentTranslator, LatentUNet
from lightning_gans.networks.layered import LayeredPatchDiscriminator
from lightning_gans.networks.layers import BatchNorm, InstanceNorm, Norm
from lightning_gans.networks.lsgan import LSGANDiscriminator, LSGANGenerator
from lightning_gans.networks.maxout import MaxoutDiscriminator
from lightning_gans.networks.mlp import MLPDiscriminator, MLPGenerator
from lightning_gans.networks.multi_scale import BicyclePatchGAN, MultiScalePatchGAN
from lightning_gans.networks.norms import NoNorm, PlainBatchNorm, RunningBatchNorm
from lightning_gans.networks.patchgan import InstanceNormPatchGAN, PatchGAN, PixelGAN
from lightning_gans.networks.perceptual import EfficientNetPerceptualLoss, PerceptualLoss, VGGPerceptualLoss
from lightning_gans.networks.projected import ProjectedDiscriminator
from lightning_gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from lightning_gans.networks.resize import ResizeGenerator
from lightning_gans.networks.resnet_translator import ResNetTranslator
from lightning_gans.networks.sngan import SNGANDiscriminator, SNGANGenerator
from lightning_gans.networks.sngan_resnet import SNGANResNetDiscriminator, SNGANResNetGenerator
from lightning_gans.networks.spade import SPADETranslator
from lightning_gans.networks.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from lightning_gans.networks.unet import UNet

__all__ = [
    "AttentionTranslator",
    "AutoencoderDiscriminator",
    "BEGANGenerator",
    "BatchNorm",
    "BicyclePatchGAN",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "CUTPatchGAN",
    "CUTTranslator",
    "CoarseToFineTranslator",
    "CompactDiscriminator",
    "CompactGenerator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "EfficientNetPerceptualLoss",
    "EncodingTranslator",
    "FastGANDiscriminator",
    "FastGANGenerator",
    "Generator",
    "IdentityTranslator",
    "InfoGANDiscriminator",
    "InfoGANGenerator",
    "InstanceNorm",
    "InstanceNormPatchGAN",
    "LSGANDiscriminator",
    "LSGANGenerator",
    "LatentEncoder",
    "LatentTranslator",
    "LatentUNet",
    "LayeredPatchDiscriminator",
    "MLPDiscriminator",
    "MLPGenerator",
    "MaxoutDiscriminator",
    "MultiScalePatchGAN",
    "NoNorm",
    "Norm",
    "PatchDiscriminator",
    "PatchGAN",
    "PerceptualLoss",
    "PixelGAN",
    "PlainBatchNorm",
    "ProjectedDiscriminator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetLatentEncoder",
    "ResNetTranslator",
    "ResizeGenerator",
    "RunningBatchNorm",
    "SNGANDiscriminator",
    "SNGANGenerator",
    "SNGANResNetDiscriminator",
    "SNGANResNetGenerator",
    "SPADETranslator",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "Translator",
    "UNet",
    "VGGPerceptualLoss",
]
