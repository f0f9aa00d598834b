import torch

from polybench.core.randomness import generator


def draw(*key: int | str) -> list[float]:
    return torch.rand(3, generator=generator(*key)).tolist()


def test_equal_keys_give_equal_draws_whatever_ran_before() -> None:
    first = draw("augment", 1, 2, "image")
    torch.manual_seed(5)
    draw("other", 1)
    assert draw("augment", 1, 2, "image") == first


def test_every_part_of_the_key_counts() -> None:
    same_but_one = [("shuffle", 1, 2, "image"), ("augment", 0, 2, "image"), ("augment", 1, 3, "image")]
    same_but_one += [("augment", 1, 2, "imag")]
    assert len({tuple(draw(*key)) for key in [("augment", 1, 2, "image"), *same_but_one]}) == 5
