"""Nets of the papers: raw logits (N, C, H, W), or (N, C) for patches, and SMP's encoder contract at `.encoder`."""

from polybench.models.alexnet import AlexNet, TorchvisionAlexNet
from polybench.models.attention_unet import AttentionUNet
from polybench.models.bcdunet import BCDUNet
from polybench.models.bsan import BSAN
from polybench.models.colonformer import ColonFormer
from polybench.models.dense_unet import DenseBlockUNet
from polybench.models.dilated_unet import DilatedUNet
from polybench.models.doubleunet import DoubleUNet
from polybench.models.dunet import DUNet
from polybench.models.efen import EFEN
from polybench.models.fanet import FANet, FANetSeries
from polybench.models.fcn import FCN
from polybench.models.fcn16s import FCN16sAtrous, JointFCN16sAtrous, PatchClassifier
from polybench.models.iternet import IterNet
from polybench.models.ldnet import LDNet
from polybench.models.levit_unet import LeViTUNet
from polybench.models.pix2pix import Pix2Pix
from polybench.models.pranet import PraNet
from polybench.models.r2unet import R2UNet
from polybench.models.resunet import ResUNet
from polybench.models.resunetplusplus import ResUNetPlusPlus
from polybench.models.sanet import SANet
from polybench.models.ssformer import SSFormer
from polybench.models.transfuse import TransFuse
from polybench.models.transunet import TransUNet
from polybench.models.uacanet import UACANet
from polybench.models.unet import UNet
from polybench.models.unetplusplus import UNetPlusPlus

__all__ = [
    "BSAN",
    "EFEN",
    "FCN",
    "AlexNet",
    "AttentionUNet",
    "BCDUNet",
    "ColonFormer",
    "DUNet",
    "DenseBlockUNet",
    "DilatedUNet",
    "DoubleUNet",
    "FANet",
    "FANetSeries",
    "FCN16sAtrous",
    "IterNet",
    "JointFCN16sAtrous",
    "LDNet",
    "LeViTUNet",
    "PatchClassifier",
    "Pix2Pix",
    "PraNet",
    "R2UNet",
    "ResUNet",
    "ResUNetPlusPlus",
    "SANet",
    "SSFormer",
    "TorchvisionAlexNet",
    "TransFuse",
    "TransUNet",
    "UACANet",
    "UNet",
    "UNetPlusPlus",
]
