"""Tables in the terminal, in CSV and in LaTeX."""

import csv as reader
import io

import pytest

from polybench.results.render import csv, latex, markdown, terminal
from polybench.results.tables import (
    MISSING,
    Bytes,
    Cell,
    Code,
    Column,
    Count,
    Interval,
    Joined,
    Link,
    Marks,
    Number,
    Seconds,
    Share,
    Table,
    Text,
)

SCORE = Joined((Number(0.123456789, spread=0.01), Interval(0.1, 0.25)))


@pytest.mark.parametrize(
    ("cell", "shown", "raw"),
    [
        (Count(1234567), "1,234,567", "1234567"),
        (Count(31_043_521, short=True), "31.04 M", "31043521"),
        (Seconds(3725.0), "1 h 2 min", "3725.0"),
        (Seconds(0.0265), "26.5 ms", "0.0265"),
        (Bytes(3 * 2**29), "1.5 GiB", "1610612736"),
        (Share(0.523), "52.3 %", "0.523"),
        (Number(45.678, significant=3), "45.7", "45.678"),
        (SCORE, "0.1235 ± 0.0100 [0.1000, 0.2500]", "0.123456789"),
        (MISSING, "—", ""),
        (Link(Code("a"), anchor="b"), "a", "a"),
    ],
)
def test_quantities_have_units_on_a_screen_and_none_in_csv(cell: Cell, shown: str, raw: str) -> None:
    assert terminal.cell_text(cell) == shown
    assert csv.cell_text(cell) == raw


def test_csv_has_columns_for_spreads_and_ends_of_intervals() -> None:
    columns = (Column("Recipe"), Column("Dice", remark="(95 % interval)", direction="higher"))
    table = Table(columns, (("a", SCORE), (Joined((Link("b", anchor="b"), Marks(("c",)))), Number(0.5))))
    assert list(reader.DictReader(io.StringIO(csv.table_text(table)))) == [
        {"Recipe": "a", "Dice": "0.123456789", "Dice std": "0.01", "Dice low": "0.1", "Dice high": "0.25"},
        {"Recipe": "b", "Dice": "0.5", "Dice std": "", "Dice low": "", "Dice high": ""},
    ]


def test_csv_of_several_tables_has_the_columns_of_all() -> None:
    tables = [Table((Column("a"), Column("b")), (("1", "2"),)), Table((Column("c"), Column("a")), (("3", "4"),))]
    assert csv.tables_text(tables) == "a,b,c\n1,2,\n4,,3\n"


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", 'a,"b"\nc'])
def test_text_in_csv_is_no_formula_and_stays_in_its_cell(value: str) -> None:
    [[_], [found]] = list(reader.reader(io.StringIO(csv.table_text(Table((Column("x"),), ((value,),))))))
    assert found[0] not in "=+-@"
    assert found.lstrip("'") == " ".join(value.split())


def test_a_column_without_a_title_has_an_empty_head() -> None:
    table = Table((Column(""), Column("b")), (("1", "2"),))
    assert [line for line in terminal.table_text(table).splitlines() if "b" in line] == ["┃   ┃ b ┃"]
    assert latex.header_text(table.columns[0]) == markdown.header_text(table.columns[0]) == ""


def test_latex_is_a_booktabs_table() -> None:
    columns = (Column(Code("per_image@2"), direction="lower"), Column("Dice", "right"))
    table = Table(columns, ((Text("a_b", "emphasis"), SCORE),), "50 % of {x}", (Text("few", "strong"),))
    assert latex.table_text(table).splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{50 \% of \{x\}}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"\texttt{per\_image@2} $\downarrow$ & Dice \\",
        r"\midrule",
        r"\emph{a\_b} & 0.1235 $\pm$ 0.0100 {[}0.1000, 0.2500{]} \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\footnotesize \textbf{few}",
        r"\end{table}",
    ]


def test_text_in_latex_is_shown_as_it_is() -> None:
    found = latex.cell_text("\\input{/etc/passwd} $x$ & 5% #1 ~^ <a|b> \N{GREEK SMALL LETTER ALPHA}\n\nnew")
    assert found == (
        r"\textbackslash{}input\{/etc/passwd\} \$x\$ \& 5\% \#1 \textasciitilde{}\textasciicircum{} "
        r"\textless{}a\textbar{}b\textgreater{} [greek small letter alpha] new"
    )


def test_text_in_the_terminal_has_no_markup_and_no_control_characters() -> None:
    table = Table((Column("[bold]x"),), (("[red]a\x1b[2J",),), title="[blink]t", notes=("[i]n",))
    found = terminal.table_text(table)
    assert all(words in found for words in ("[bold]x", "[red]a\\x1b[2J", "[blink]t", "[i]n"))
    assert "\x1b" not in found


def test_a_narrow_terminal_folds_names_and_headings_but_no_number() -> None:
    columns = (Column("Row"), Column("Difference", "right"), Column("unet_lite0_kvasir_seg", "right"))
    table = Table(columns, (("a_name_of_thirty_characters_in_a_row", "[-0.0021, 0.0311]", "0.9607"),))
    lines = terminal.table_text(table, width=50).splitlines()
    assert max(map(len, lines)) <= 50
    assert sum("[-0.0021, 0.0311]" in line and "0.9607" in line for line in lines) == 1
    assert "a_name_of_thirty_characters_in_a_row" not in "".join(lines)


def test_commands_of_a_table_that_is_too_wide_stand_below_it_unfolded() -> None:
    command = "polybench fit --config conf/unet_clinicdb.yaml"
    table = Table((Column("Where"), Column("Command"), Column("Note")), (("Table I", Code(command), "n" * 30),))
    assert f"│ {command} │" in terminal.table_text(table, 100)
    assert terminal.table_text(table, 45).endswith(f"┘\nTable I\n    {command}\n")


def test_a_narrow_terminal_leaves_out_optional_columns_from_the_right_and_says_so() -> None:
    columns = tuple(Column(name, optional=name in "bc") for name in "abcd")
    table = Table(columns, (("one " * 5, "two " * 5, "three " * 5, "four " * 5),))
    assert "narrow" not in terminal.table_text(table, width=200)
    lines = terminal.table_text(table, width=75).splitlines()
    assert "│ one one one one one │ two two two two two │ four four four four four │" in lines
    assert "Left out, for want of width: c." in lines
