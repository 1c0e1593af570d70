"""The torchrun command, which here ends when whoever started it does."""

from throughline.distributed.ending_with_parent import end_with_parent


def main() -> None:
    """Runs torchrun with this command's arguments."""
    from torch.distributed import run

    end_with_parent()
    run.main()


if __name__ == "__main__":
    main()
