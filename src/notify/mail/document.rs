//! A mail's content as blocks, and the two ways to write it: plain text and HTML.
//!
//! Both parts come from the same blocks, so neither says what the other leaves out.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::clean::Clean;
use super::html::Html;
use super::{Attached, Mail};

/// A mail's content, top to bottom.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Colour of the bar on top.
    pub(crate) tone: Tone,
    /// Small line above the title: level and stage.
    pub(crate) label: Clean,
    /// The title.
    pub(crate) title: Clean,
    /// The blocks.
    pub(crate) blocks: Vec<Block>,
    /// Small print at the end.
    pub(crate) footer: Vec<Clean>,
    /// `lang` of the HTML part.
    pub(crate) language: &'static str,
    /// Names of ours with dots in them, which are no hosts.
    pub(crate) names: Vec<String>,
}

/// What a mail's colour says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing to do.
    #[default]
    Calm,
    /// To be looked at.
    Warning,
    /// To be looked at soon.
    Serious,
    /// To be looked at now.
    Alarm,
}

/// One piece of a mail.
#[derive(Debug)]
pub(crate) enum Block {
    /// A heading.
    Heading(Clean),
    /// A paragraph.
    Paragraph(Clean),
    /// Words of the author of a rule, with code between backticks; and points of such words.
    Prose(Clean),
    ProseList(Vec<Clean>),
    /// Names and values.
    Facts(Vec<(Clean, Clean)>),
    /// A list of points.
    List(Vec<Clean>),
    /// A table: heads, and rows of as many cells.
    Table(Vec<Clean>, Vec<Vec<Clean>>),
    /// Something to copy, line by line.
    Code(Vec<Clean>),
    /// Words and where they lead; the address is ours, never the log's.
    Link(Clean, Clean),
    /// The same side by side, what most readers want first.
    Ways(Vec<(Clean, Clean)>),
    /// A picture, and the same in words.
    Picture(Picture),
}

/// A picture of numbers.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The file.
    pub(crate) png: Vec<u8>,
    /// The numbers as a line of text.
    pub(crate) line: Clean,
    /// What it shows.
    pub(crate) words: Clean,
    /// How it shows that.
    pub(crate) legend: Clean,
    /// What stands below its left and its right end.
    pub(crate) ends: (Clean, Clean),
}

impl Picture {
    /// Width and height on a page, in CSS pixels.
    pub(crate) const WIDTH: u32 = crate::picture::WIDTH;
    pub(crate) const HEIGHT: u32 = crate::picture::HEIGHT;

    /// The file as an address that holds it whole.
    pub(crate) fn data(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(&self.png))
    }

    /// The id by which the HTML part names it (RFC 2392): the same picture has the same.
    fn content_id(&self) -> Clean {
        let digest = Sha256::digest(&self.png);
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        let id = format!("{:032x}@gatewatch", u128::from_be_bytes(first));
        Clean::of(&id, 64)
    }
}

impl Document {
    /// The whole mail.
    pub(crate) fn mail(mut self, subject: &Clean) -> Mail {
        self.defang();
        let pictures = self.blocks.iter().filter_map(|block| match block {
            Block::Picture(picture) => Some(picture),
            _ => None,
        });
        let attached = pictures.map(|picture| Attached {
            content_id: picture.content_id().as_str().to_owned(),
            png: picture.png.clone(),
        });
        Mail {
            subject: subject.defanged(&self.names).as_str().to_owned(),
            text: self.text(),
            html: self.html(),
            pictures: attached.collect(),
        }
    }

    /// What may come from the log leads nowhere. Words of rules, links of ours and what is to be copied stay as they are.
    fn defang(&mut self) {
        let defang = |text: &mut Clean| *text = text.defanged(&self.names);
        defang(&mut self.title);
        for block in &mut self.blocks {
            match block {
                Block::Heading(text) | Block::Paragraph(text) => defang(text),
                Block::Facts(facts) => facts.iter_mut().for_each(|(_, value)| defang(value)),
                Block::List(points) => points.iter_mut().for_each(defang),
                Block::Table(_, rows) => rows.iter_mut().flatten().for_each(defang),
                Block::Prose(_)
                | Block::ProseList(_)
                | Block::Code(_)
                | Block::Link(..)
                | Block::Ways(_)
                | Block::Picture(_) => {}
            }
        }
    }

    /// The plain text part.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        push_line(&mut out, &self.label);
        push_line(&mut out, &self.title);
        out.push('\n');
        for block in &self.blocks {
            text_block(&mut out, block);
        }
        // "-- " on its own line is how mail programs know the small print (RFC 3676, section 4.3).
        out.push_str("-- \n");
        for line in &self.footer {
            push_line(&mut out, line);
        }
        out
    }

    /// The HTML part: tables and inline styles, because mail programs know little else; at most 600 px wide.
    pub(crate) fn html(&self) -> String {
        let mut html = Html::page(self.language, &self.title);
        html.banner(self.tone, &self.label, &self.title);
        for block in &self.blocks {
            html_block(&mut html, block);
        }
        html.finish(&self.footer)
    }
}

fn push_line(out: &mut String, line: &Clean) {
    if !line.is_empty() {
        out.push_str(line.as_str());
        out.push('\n');
    }
}

/// Writing into a string cannot fail, so the results of `write!` say nothing.
fn text_block(out: &mut String, block: &Block) {
    match block {
        Block::Heading(heading) => {
            push_line(out, heading);
            out.extend(std::iter::repeat_n('-', heading.as_str().chars().count()));
            out.push('\n');
            return;
        }
        Block::Paragraph(text) | Block::Prose(text) => push_line(out, text),
        Block::Facts(facts) => {
            let width = facts
                .iter()
                .map(|(name, _)| name.as_str().chars().count())
                .max()
                .unwrap_or(0);
            for (name, value) in facts {
                let _ = writeln!(out, "{name:<width$}  {value}");
            }
        }
        Block::List(points) | Block::ProseList(points) => {
            for point in points {
                let _ = writeln!(out, "* {point}");
            }
        }
        Block::Table(heads, rows) => text_table(out, heads, rows),
        Block::Code(lines) => {
            for line in lines {
                let _ = writeln!(out, "    {line}");
            }
        }
        Block::Link(words, address) => {
            let _ = writeln!(out, "{words}: {address}");
        }
        Block::Ways(ways) => {
            for (words, address) in ways {
                let _ = writeln!(out, "{words}: {address}");
            }
        }
        Block::Picture(Picture { line, words, .. }) => {
            push_line(out, line);
            push_line(out, words);
        }
    }
    out.push('\n');
}

/// Columns padded to their widest cell, the last one left as it is.
fn text_table(out: &mut String, heads: &[Clean], rows: &[Vec<Clean>]) {
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .chain([&heads[column]])
                .map(|cell| cell.as_str().chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in std::iter::once(heads).chain(rows.iter().map(Vec::as_slice)) {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn html_block(html: &mut Html, block: &Block) {
    match block {
        Block::Heading(heading) => html.heading(heading),
        Block::Paragraph(text) => html.paragraph(text),
        Block::Prose(text) => html.prose(text),
        Block::ProseList(points) => html.prose_list(points),
        Block::Facts(facts) => html.facts(facts),
        Block::List(points) => html.list(points),
        Block::Table(heads, rows) => html.table(heads, rows),
        Block::Code(lines) => html.code(lines),
        Block::Link(words, address) => html.link(words, address),
        Block::Ways(ways) => html.ways(ways),
        Block::Picture(picture) => {
            html.picture(
                &picture.content_id(),
                (&picture.words, &picture.legend),
                (&picture.ends.0, &picture.ends.1),
            );
        }
    }
}
