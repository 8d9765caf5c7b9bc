"""The variants: one class for each paper."""

from lightning_gans.variants.acgan import ACGAN, ReACGAN
from lightning_gans.variants.began import BEGAN
from lightning_gans.variants.bicyclegan import BicycleGAN
from lightning_gans.variants.cgan import CGAN
from lightning_gans.variants.cut import CUT
from lightning_gans.variants.cyclegan import CycleGAN
from lightning_gans.variants.dcgan import DCGAN
from lightning_gans.variants.ebgan import EBGAN
from lightning_gans.variants.fastgan import FastGAN
from lightning_gans.variants.gan import GAN
from lightning_gans.variants.infogan import InfoGAN
from lightning_gans.variants.lsgan import LSGAN
from lightning_gans.variants.pix2pix import Pix2Pix
from lightning_gans.variants.projected_gan import ProjectedGAN
from lightning_gans.variants.r3gan import R3GAN
from lightning_gans.variants.semi_supervised_gan import SemiSupervisedGAN
from lightning_gans.variants.sngan import SNGAN
from lightning_gans.variants.stylegan2 import StyleGAN2
from lightning_gans.variants.unrolled_gan import UnrolledGAN
from lightning_gans.variants.wgan import WGAN
from lightning_gans.variants.wgan_gp import WGANGP

__all__ = [
    "ACGAN",
    "BEGAN",
    "CGAN",
    "CUT",
    "DCGAN",
    "EBGAN",
    "GAN",
    "LSGAN",
    "R3GAN",
    "SNGAN",
    "WGAN",
    "WGANGP",
    "BicycleGAN",
    "CycleGAN",
    "FastGAN",
    "InfoGAN",
    "Pix2Pix",
    "ProjectedGAN",
    "ReACGAN",
    "SemiSupervisedGAN",
    "StyleGAN2",
    "UnrolledGAN",
]
