//! Small tables of listings: headings, aligned columns, no borders to get in the way of `grep` and `awk`.

use comfy_table::{CellAlignment, Table, presets};

use crate::render::plain;

/// A listing under construction.
pub(crate) struct Listing {
    table: Table,
}

impl Listing {
    /// A listing with these headings; a heading that ends in `>` stands over numbers, which align to the right.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(headings.map(|heading| heading.trim_end_matches('>').to_uppercase()));
        for (column, heading) in table.column_iter_mut().zip(headings) {
            column.set_padding((0, 2));
            if heading.ends_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { table }
    }

    /// Adds a row, in one line whatever its cells hold.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.table.add_row(cells.each_ref().map(|cell| plain::line(cell)));
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The listing as text, with no blanks at the ends of lines.
    pub(crate) fn text(&self) -> String {
        let mut text = self.table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;

    #[test]
    fn numbers_stand_to_the_right() {
        let mut listing = Listing::new(["name", "rows>", "note"]);
        listing.row(["orders".into(), "12".into(), "new".into()]);
        listing.row(["customer".into(), "1,500".into(), String::new()]);
        insta::assert_snapshot!(listing.text(), @"
        NAME       ROWS  NOTE
        orders       12  new
        customer  1,500
        ");
    }

    #[test]
    fn a_cell_is_nothing_but_text_in_its_row() {
        let mut listing = Listing::new(["name", "note"]);
        listing.row(["orders".into(), "\u{1b}[31mred\r\nfake".into()]);
        insta::assert_snapshot!(listing.text(), @r"
        NAME    NOTE
        orders  \u{1b}[31mred\r\nfake
        ");
    }
}
