//! Words that people write about a request: bounded, and of one line, so that they can stand in a log, a header or a table.

use std::fmt;

use polder_model::text::steers;
use serde::{Deserialize, Serialize};

/// How many characters words may have.
const LIMIT: usize = 1000;

/// A purpose or a comment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Words(Box<str>);

/// Why a text does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// It is too long.
    #[error("a purpose or comment has at most {LIMIT} characters, this one has {length}")]
    TooLong {
        /// How many it has.
        length: usize,
    },
    /// It holds a character that no line of text holds.
    #[error("a purpose or comment is one line of text: it may not hold {character:?}")]
    Character {
        /// The first such character.
        character: char,
    },
}

impl Words {
    /// Reads a text; space around it is left out.
    ///
    /// # Errors
    /// A [`WordsError`] that says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, WordsError> {
        let text = text.trim_matches(' ');
        let length = text.chars().count();
        if length > LIMIT {
            return Err(WordsError::TooLong { length });
        }
        match text.chars().find(|&c| steers(c)) {
            Some(character) => Err(WordsError::Character { character }),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Words {
    type Error = WordsError;
    fn try_from(text: String) -> Result<Self, WordsError> {
        Self::new(&text)
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0.into()
    }
}
