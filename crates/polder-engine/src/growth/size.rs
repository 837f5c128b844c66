//! How many bytes a call would make for a row, from its arguments.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Int64Type, IntervalMonthDayNanoType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;

/// A value of a list takes no less, its place in the list and what is needed to put it there counted.
const SLOT: usize = 8;
/// No number, date or time is longer as a text.
const WRITTEN: usize = 64;
const DAY: i128 = 86_400 * 1_000_000_000;
const SHORTEST_MONTH: i128 = 28;

/// In what way a function's result grows with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// `repeat(text, times)`
    Repeat,
    /// `lpad(text, characters, fill)`
    Pad,
    /// `replace(text, from, to)`
    Replace,
    /// `regexp_replace(text, pattern, to, flags)`
    ReplacePattern,
    /// `concat(text, ...)`
    Concat,
    /// `concat_ws(between, text, ...)`
    ConcatWith,
    /// `array_to_string(list, between, instead of null)`
    Join,
    /// `array_repeat(value, times)`
    RepeatValue,
    /// `array_resize(list, length, fill)`
    Resize,
    /// `range(start, end, step)`
    Range,
}

/// An argument of a call.
pub(super) struct Argument {
    /// For each row its value, or one for all.
    values: ArrayRef,
    constant: bool,
}

impl Growth {
    pub(super) fn of(function: &str) -> Option<Self> {
        Some(match function {
            "repeat" => Self::Repeat,
            "lpad" | "rpad" => Self::Pad,
            "replace" => Self::Replace,
            "regexp_replace" => Self::ReplacePattern,
            "concat" => Self::Concat,
            "concat_ws" => Self::ConcatWith,
            "array_to_string" => Self::Join,
            "array_repeat" => Self::RepeatValue,
            "array_resize" => Self::Resize,
            "range" | "generate_series" => Self::Range,
            _ => return None,
        })
    }

    /// Whether what a call makes is near to the most that it may make.
    pub(super) const fn is_exact(self) -> bool {
        !matches!(self, Self::Replace | Self::ReplacePattern | Self::Join)
    }

    /// The most bytes that a call makes for a row.
    pub(super) fn most(self, args: &[Argument], row: usize) -> usize {
        let bytes = |at: usize| args.get(at).map_or(0, |arg| arg.bytes(row));
        let count = |at: usize| args.get(at).and_then(|arg| arg.count(row)).unwrap_or(0);
        let all = || args.iter().map(|arg| arg.bytes(row)).fold(0, usize::saturating_add);
        match self {
            Self::Repeat => bytes(0).saturating_mul(count(1)),
            // A character of the fill has four bytes at most.
            Self::Pad => bytes(0).saturating_add(count(1).saturating_mul(if args.len() > 2 { 4.min(bytes(2)) } else { 1 })),
            Self::Replace => {
                let times = bytes(0).checked_div(bytes(1)).unwrap_or_else(|| bytes(0).saturating_add(1));
                bytes(0).saturating_add(times.saturating_mul(bytes(2)))
            }
            // Between any two letters there may be a match, and of what matches the replacement may repeat parts.
            Self::ReplacePattern => {
                let (text, to) = (bytes(0).saturating_add(1), bytes(2));
                text.saturating_add(text.saturating_mul(to)).saturating_add(text.saturating_mul(to / 2))
            }
            Self::Concat => all(),
            Self::ConcatWith => all().saturating_add(bytes(0).saturating_mul(args.len())),
            Self::Join => {
                let values = bytes(0) / SLOT + 1;
                let each = WRITTEN.saturating_add(bytes(1)).saturating_add(bytes(2));
                bytes(0).saturating_add(values.saturating_mul(each))
            }
            Self::RepeatValue => bytes(0).max(SLOT).saturating_mul(count(1)),
            Self::Resize => bytes(0).saturating_add(bytes(2).max(SLOT).saturating_mul(count(1))),
            Self::Range => range(args, row).saturating_mul(SLOT),
        }
    }
}

impl Argument {
    pub(super) fn of(value: &ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Array(values) => Self { values: Arc::clone(values), constant: false },
            ColumnarValue::Scalar(value) => Self { values: value.to_array()?, constant: true },
        })
    }

    pub(super) const fn is_constant(&self) -> bool {
        self.constant
    }

    fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    /// The bytes of a value.
    pub(super) fn bytes(&self, row: usize) -> usize {
        bytes(self.values.as_ref(), self.at(row))
    }

    /// A value as a number of times; `None` when it is missing or below zero.
    fn count(&self, row: usize) -> Option<usize> {
        usize::try_from(self.number(row)?).ok()
    }

    fn number(&self, row: usize) -> Option<i64> {
        let numbers = self.values.as_primitive_opt::<Int64Type>()?;
        numbers.is_valid(self.at(row)).then(|| numbers.value(self.at(row)))
    }

    /// A day or a moment in nanoseconds.
    fn moment(&self, row: usize) -> Option<i128> {
        let at = self.at(row);
        if self.values.is_null(at) {
            return None;
        }
        let (value, nanoseconds) = match self.values.data_type() {
            DataType::Date32 => (i64::from(self.values.as_primitive::<Date32Type>().value(at)), DAY),
            DataType::Date64 => (self.values.as_primitive::<Date64Type>().value(at), 1_000_000),
            DataType::Timestamp(unit, _) => match unit {
                TimeUnit::Second => (self.values.as_primitive::<TimestampSecondType>().value(at), 1_000_000_000),
                TimeUnit::Millisecond => (self.values.as_primitive::<TimestampMillisecondType>().value(at), 1_000_000),
                TimeUnit::Microsecond => (self.values.as_primitive::<TimestampMicrosecondType>().value(at), 1_000),
                TimeUnit::Nanosecond => (self.values.as_primitive::<TimestampNanosecondType>().value(at), 1),
            },
            _ => return None,
        };
        Some(i128::from(value) * nanoseconds)
    }

    /// How many nanoseconds a step has at least; none when it goes forth and back, and so may come to no end.
    fn step(&self, row: usize) -> Option<i128> {
        let steps = self.values.as_primitive_opt::<IntervalMonthDayNanoType>()?;
        if steps.is_null(self.at(row)) {
            return None;
        }
        let (months, days, nanoseconds) = IntervalMonthDayNanoType::to_parts(steps.value(self.at(row)));
        let signs = [i64::from(months).signum(), i64::from(days).signum(), nanoseconds.signum()];
        match (signs.contains(&1), signs.contains(&-1)) {
            (true, true) => Some(0),
            (false, false) => None,
            _ => Some((i128::from(months) * SHORTEST_MONTH + i128::from(days)) * DAY + i128::from(nanoseconds)),
        }
    }
}

/// The bytes of a value; of a list, as many for each of its values as the values of all lists have on average.
fn bytes(values: &dyn Array, at: usize) -> usize {
    if values.is_null(at) {
        return 0;
    }
    let list = |begin: usize, end: usize, inner: &ArrayRef| {
        let average = inner.get_array_memory_size() / inner.len().max(1) + 1;
        (end - begin).saturating_mul(average.max(SLOT))
    };
    let offset = |offset: i64| usize::try_from(offset).unwrap_or_default();
    match values.data_type() {
        DataType::Utf8 => offset(values.as_string::<i32>().value_length(at).into()),
        DataType::LargeUtf8 => offset(values.as_string::<i64>().value_length(at)),
        DataType::Utf8View => values.as_string_view().value(at).len(),
        DataType::Binary => offset(values.as_binary::<i32>().value_length(at).into()),
        DataType::LargeBinary => offset(values.as_binary::<i64>().value_length(at)),
        DataType::BinaryView => values.as_binary_view().value(at).len(),
        DataType::List(_) => {
            let lists = values.as_list::<i32>();
            list(0, offset(lists.value_length(at).into()), lists.values())
        }
        DataType::LargeList(_) => {
            let lists = values.as_list::<i64>();
            list(0, offset(lists.value_length(at)), lists.values())
        }
        DataType::FixedSizeList(_, length) => list(0, offset(i64::from(*length)), values.as_fixed_size_list().values()),
        DataType::Struct(_) => values.as_struct().columns().iter().map(|column| bytes(column, at)).fold(0, usize::saturating_add),
        _ => SLOT,
    }
}

/// How many values a range has.
fn range(args: &[Argument], row: usize) -> usize {
    let whole = |at: usize| args.get(at).and_then(|arg| arg.number(row)).map(i128::from);
    let moment = |at: usize| args.get(at).and_then(|arg| arg.moment(row));
    let steps = |begin: i128, end: i128, step: i128| {
        let ahead = end - begin;
        if step == 0 {
            usize::MAX
        } else if (step > 0) == (ahead > 0) {
            usize::try_from(ahead / step).map_or(usize::MAX, |steps| steps + 1)
        } else {
            // It is over before it begins.
            1
        }
    };
    let values = match args {
        [_] => whole(0).map(|end| steps(0, end, 1)),
        [_, _] => whole(0).zip(whole(1)).map(|(begin, end)| steps(begin, end, 1)),
        [_, _, step] => match step.number(row) {
            // That is told as what it is.
            Some(0) => Some(0),
            Some(step) => whole(0).zip(whole(1)).map(|(begin, end)| steps(begin, end, step.into())),
            None => moment(0).zip(moment(1)).zip(step.step(row)).map(|((begin, end), step)| steps(begin, end, step)),
        },
        _ => None,
    };
    values.unwrap_or(0)
}
