"""The mouth's box, which the losses of generators weigh."""

from __future__ import annotations

import numpy as np
import torch

from thbench.training.mouth import eye_boxes, mouth_boxes, mouth_mask, whole_frames


def test_the_mouth_mask_has_its_corners() -> None:
    mask = mouth_mask(torch.tensor([[[1.0, 2.0, 3.0, 2.5]]]), 6)
    assert mask.shape == (1, 1, 1, 6, 6)
    assert np.argwhere(mask[0, 0, 0].numpy()).tolist() == [[2, 1], [2, 2], [2, 3]]  # row, column


def test_a_box_holds_the_lips_and_a_quarter_of_their_longer_side() -> None:
    landmarks = np.zeros((2, 68, 2))
    landmarks[:, 48:] = (20, 30)
    landmarks[:, 54] = (28, 34)
    assert mouth_boxes(landmarks).tolist() == [[18, 28, 30, 36]] * 2


def test_without_landmarks_the_whole_frame_counts() -> None:
    assert mouth_mask(torch.from_numpy(whole_frames(3, 4)), 4).sum() == 3 * 4 * 4


def test_either_eye_has_a_box_with_a_quarter_of_its_longer_side() -> None:
    landmarks = np.zeros((1, 68, 2))
    landmarks[:, 36:42], landmarks[:, 42:48] = (20, 30), (50, 30)
    landmarks[:, 39], landmarks[:, 45] = (28, 32), (54, 34)
    assert eye_boxes(landmarks).tolist() == [[[18, 28, 30, 34], [49, 29, 55, 35]]]
