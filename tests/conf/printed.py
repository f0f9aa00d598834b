"""The settings that papers print, and what their released code adds: copied by hand, not from the recipes.

Comments name the source: a section or table of the paper, or the released code.
"""

from collections.abc import Mapping
from typing import Any

EFEN: Mapping[str, Any] = {
    # EFEN, section 4.1: SGD, learning rate 1e-4, batch size 8, 300 epochs, ReduceLROnPlateau, EarlyStopping.
    "model.optimizer.class_path": "torch.optim.SGD",
    "model.optimizer.lr": 1e-4,
    "model.lr_scheduler.class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
    "trainer.callbacks.0.class_path": "lightning.pytorch.callbacks.EarlyStopping",
    "trainer.max_epochs": 300,
    "data.batch_size": 8,
    # EFEN, section 3.3, equations 10 and 11: BCE plus Dice with squared denominators, theta 1.
    "model.loss.class_path": "polybench.losses.BCEDiceLoss",
    "model.loss.theta": 1.0,
    # EFEN, section 4.2.1: divided 80/10/10 at random, then 25 augmented variants of each image beside it.
    "data.augment": "efen25",
    "data.expanded": True,
    # DoubleU-Net, train.py (EFEN has no code and prints none of these).
    "model.lr_scheduler.monitor": "val/loss",
    "model.lr_scheduler.factor": 0.1,
    "model.lr_scheduler.patience": 20,
    "trainer.callbacks.0.monitor": "val/loss",
    "trainer.callbacks.0.patience": 50,
}
BSAN: Mapping[str, Any] = {
    # BSAN, section 4.1: Adam, 0.001, batches of 16, about 120 epochs, 256x256, no augmentation, Swin from ImageNet.
    "model.optimizer.class_path": "torch.optim.Adam",
    "model.optimizer.lr": 1e-3,
    "trainer.max_epochs": 120,
    "data.batch_size": 16,
    "data.size": [256, 256],
    "data.augment": "none",
    "model.net.pretrained": "imagenet",
    # PointRend's released code: three times as many points drawn, three quarters of those taken the most uncertain.
    "model.oversample": 3.0,
    "model.uncertain": 0.75,
}
FCN16S: Mapping[str, Any] = {
    # Keras-FCN, section IV-B: Adam with amsgrad, 1e-4, batches of 24, 500 epochs, zoom, rotation, flips and shift;
    # section IV-C: 320x320.
    "model.optimizer.class_path": "torch.optim.Adam",
    "model.optimizer.lr": 1e-4,
    "trainer.max_epochs": 500,
    "model.optimizer.amsgrad": True,
    "data.batch_size": 24,
    "data.size": [320, 320],
    "data.augment": "keras_fcn",
    # Keras-FCN's released code: frames are padded with zeros to a square, then resized, as patches are.
    "data.fit": "letterbox",
    "data.pad_value": 0,
    # Keras-FCN, section III-F, equations 2 and 3: cross entropy of two classes, equal to that of the difference of
    # their logits.
    "model.loss.class_path": "torch.nn.BCEWithLogitsLoss",
    # Keras-FCN's released code, train.py: a cosine over 460 epochs to a tenth (the paper prints a constant
    # rate), and the best validation IoU.
    "model.lr_scheduler.class_path": "polybench.tasks.schedules.CosineThenFlat",
    "model.lr_scheduler.epochs": 460,
    "model.lr_scheduler.floor": 0.1,
    "checkpoint.monitor": "val/iou",
    "checkpoint.mode": "max",
}
PATCHES: Mapping[str, Any] = {
    # Keras-FCN, section IV-B: SGD with momentum 0.9, 1e-3 with cosine decay, batches of 24, 250 epochs.
    "model.optimizer.class_path": "torch.optim.SGD",
    "model.optimizer.lr": 1e-3,
    "model.optimizer.momentum": 0.9,
    "model.lr_scheduler.class_path": "polybench.tasks.schedules.CosineThenFlat",
    "trainer.max_epochs": 250,
    "data.batch_size": 24,
    "data.size": 320,
    "data.augment": "keras_fcn",
    # Keras-FCN's released code, train_cls.py and PatchGenerator: cosine over 230 epochs to a tenth, three negatives an
    # image, frames darker than 26 cut, no margin round a box, the best validation loss.
    "model.lr_scheduler.epochs": 230,
    "model.lr_scheduler.floor": 0.1,
    "data.negatives_per_image": 3,
    "data.dark": 26,
    "data.margin": 0.0,
    "data.balance": False,
    "checkpoint.monitor": "val/loss",
    "checkpoint.mode": "min",
}
FANET: Mapping[str, Any] = {
    # FANet, section IV-A-2: Adam, 100 epochs, ReduceLROnPlateau.
    "model.optimizer.class_path": "torch.optim.Adam",
    "model.lr_scheduler.class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
    "trainer.max_epochs": 100,
    # FANet's released code, train.py: batches of 2, patience 5, factor 0.1, half BCE and half Dice, and four
    # operations online (the paper's own augmentation, offline, is that of the recipes `fanet_paper_*`).
    "model.loss.class_path": "polybench.models.fanet.FANetLoss",
    "model.lr_scheduler.monitor": "val/loss",
    "model.lr_scheduler.factor": 0.1,
    "model.lr_scheduler.patience": 5,
    "data.batch_size": 2,
    "data.augment": "fanet",
}
FANET_BY_DATASET: Mapping[str, Mapping[str, Any]] = {
    # FANet, section IV-A-2: 1e-3 for DRIVE and CHASE_DB1, 1e-4 elsewhere; Table I: 512x512, but 256x256 for DSB-2018
    # and CVC-ClinicDB; the numbers of images of Table I are those of the lists.
    "kvasir_seg": {"model.optimizer.lr": 1e-4, "data.size": [512, 512], "data.split": "official_880_120"},
    "clinicdb": {"model.optimizer.lr": 1e-4, "data.size": [256, 256], "data.split": "reconstructed_efen_8_1_1"},
    "dsb2018": {
        "model.optimizer.lr": 1e-4,
        "data.size": [256, 256],
        "data.split": "reconstructed_fanet_335_134_201",
    },
    "isic2018": {
        "model.optimizer.lr": 1e-4,
        "data.size": [512, 512],
        "data.split": "reconstructed_fanet_1815_259_520",
    },
    "em": {"model.optimizer.lr": 1e-4, "data.size": [512, 512], "data.split": "reconstructed_24_3_3"},
    "drive": {"model.optimizer.lr": 1e-3, "data.size": [512, 512], "data.split": "official_20_20"},
    "chase": {"model.optimizer.lr": 1e-3, "data.size": [512, 512], "data.split": "reconstructed_20_8"},
}

FANET_PAPER: Mapping[str, Mapping[str, Any]] = {
    # FANet, Table I: images after augmentation by those before, and all 880 and 20 images for training.
    "kvasir_seg": {"data.augment": "fanet_paper19", "data.split": "selects_on_test_880_120"},
    "clinicdb": {"data.augment": "fanet_paper29"},
    "dsb2018": {"data.augment": "fanet_paper32"},
    "isic2018": {"data.augment": "fanet_paper22"},
    "em": {"data.augment": "fanet_paper16"},
    "drive": {"data.augment": "fanet_paper32", "data.split": "selects_on_test_20_20"},
    "chase": {"data.augment": "fanet_paper32", "data.split": "selects_on_test_20_8"},
}

NO_MOMENTUM: Mapping[str, Any] = {"model.optimizer.momentum": 0.0, "model.optimizer.weight_decay": 0.0}
"""EFEN prints neither momentum nor weight decay: the optimizer's own defaults."""

EFEN_DATA: Mapping[str, Mapping[str, Any]] = {
    # EFEN, section 4.2.4: DSB-2018 is resized to 384x288 (width by height). Of CVC-ClinicDB section 4.2.2 names the
    # frames' own 384x288 and no other size. Section 4.2.3 prints none for ISIC-2018: that of the others is a choice.
    # Numbers of augmented images: 26 times 489 and 61 of 612 frames of CVC-ClinicDB, 2,075 and 259 of ISIC-2018, 536
    # and 67 of DSB-2018.
    "clinicdb": {"data.size": [288, 384], "data.split": "reconstructed_489_61_62"},
    "dsb2018": {"data.size": [288, 384], "data.split": "reconstructed_efen_8_1_1"},
    "isic2018": {"data.size": [288, 384], "data.split": "reconstructed_efen_8_1_1"},
}
KERAS_FCN_LISTS: Mapping[str, str] = {
    # Keras-FCN, section IV-A: 547/183/182 frames of CVC-EndoSceneStill, 800/100/100 of Kvasir-SEG. The paper has no
    # CVC-ClinicDB; its sequences are kept apart.
    "endoscenestill": "official_547_183_182",
    "kvasir_seg": "reconstructed_800_100_100",
    "clinicdb": "sequence_disjoint",
}

PRINTED: Mapping[str, Mapping[str, Any]] = {
    **{f"efen_{name}": {**EFEN, **NO_MOMENTUM, **data} for name, data in EFEN_DATA.items()},
    **{f"{net}_clinicdb": {**EFEN, **NO_MOMENTUM, **EFEN_DATA["clinicdb"]} for net in ("efen_plainskip", "unet_vgg19")},
    "bsan_kvasir_seg": BSAN,
    **{f"fcn16s_{name}": {**FCN16S, "data.split": split} for name, split in KERAS_FCN_LISTS.items()},
    **{f"patches_{name}": {**PATCHES, "data.source.split": split} for name, split in KERAS_FCN_LISTS.items()},
    **{f"fanet_{name}": {**FANET, **values, "model.iterations": 10} for name, values in FANET_BY_DATASET.items()},
    **{
        f"fanet_paper_{name}": {**FANET, **values, **FANET_PAPER[name], "model.iterations": 10, "data.expanded": True}
        for name, values in FANET_BY_DATASET.items()
    },
}
"""Recipe -> dotted path of its resolved configuration, `init_args` left out -> what its paper or code prints."""
