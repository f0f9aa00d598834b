"""`polybench data variants`: all variants of one image that an augmentation policy makes, as a picture."""

from pathlib import Path

from polybench.cli.data.modules import add_copy_arguments, open_copy
from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError, did_you_mean
from polybench.core.wording import some
from polybench.experiments.outputs import refuse_unwritable


def main(args: list[str]) -> int:
    """Draw the picture and return the exit code, 0.

    Args:
        args: The arguments after `polybench data variants`.

    Raises:
        UserError: If there is no such dataset, image or policy, or the picture can't be written.
    """
    parser = Parser(
        "polybench data variants",
        "Draw each variant that an augmentation policy makes of one image, with the outline of its mask, as they are "
        "in a training with --data.expanded true.",
    )
    add_copy_arguments(parser)
    parser.add_argument("--id", required=True, metavar="ID", help="the image")
    parser.add_argument("--augment", default="efen25", metavar="POLICY", help="the policy (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the training (%(default)s)")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.png", help="the picture")
    options = parser.parse_args(args)
    refuse_unwritable(options.output, "--output", ".png")
    from polybench.augment import named_policy  # torch, which --help can do without
    from polybench.core.atomic import atomic_writer
    from polybench.curation.variants import sheet, variants_of

    policy = named_policy(options.augment)
    if len(policy.variants) < 2:
        raise ConfigError(f"--augment {policy.name} has no fixed variants, it draws each image anew: give efen25.")
    data = open_copy(options.name, options.root, options.split, options.bits)
    sources = {source.id: source for source in data.sources()}
    if options.id not in sources:
        hint = did_you_mean(options.id, sources) or f" There are {some(sorted(sources))}."
        raise ConfigError(f"{data.short_name} has no image '{options.id}'.{hint}")
    decoded = data.decode(sources[options.id])
    made = variants_of(decoded.image, decoded.mask, options.id, policy, options.seed)
    with atomic_writer(options.output) as file:
        sheet(made).save(file, format="PNG")
    print(f"{options.output}: {len(made)} variants of '{options.id}'.")
    return 0
