//! The functions that a program may call, by name. Not here, and so refused when a program is written: time, encoders,
//! sets, math, formatting, and whatever nobody asked for yet.

mod conversions;
mod lists;
mod strings;

use super::fuel::Fuel;
use super::outcome::EvalFault;
use super::value::Value;

pub(super) use conversions::double_text;

/// A function of the standard library or of the strings extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Split,
    Join,
    Replace,
    Substring,
    LowerAscii,
    UpperAscii,
    Trim,
    IndexOf,
    LastIndexOf,
    CharAt,
    Bool,
    Int,
    UInt,
    Double,
    String,
    Bytes,
    Type,
}

/// A function's name and how it is called: with how many arguments on its own, and with how many on a receiver.
struct Signature {
    name: &'static str,
    function: Function,
    alone: &'static [usize],
    on_receiver: &'static [usize],
}

/// What a name and a number of arguments stand for.
pub(super) enum Resolved {
    Function(Function),
    /// There is such a function, but it is called otherwise.
    OtherArguments,
    Unknown,
}

/// The function `name` called with `arguments`, on a receiver or not.
pub(super) fn resolve(name: &str, on_receiver: bool, arguments: usize) -> Resolved {
    let Some(signature) = SIGNATURES.iter().find(|signature| signature.name == name) else { return Resolved::Unknown };
    let allowed = if on_receiver { signature.on_receiver } else { signature.alone };
    if allowed.contains(&arguments) { Resolved::Function(signature.function) } else { Resolved::OtherArguments }
}

/// Calls `function`; a receiver is the first of `values`.
pub(super) fn apply<'v>(fuel: &mut Fuel, function: Function, values: &[Value<'v>]) -> Result<Value<'v>, EvalFault> {
    let result = match function {
        Function::Size => lists::size(fuel, values),
        Function::Join => lists::join(fuel, values),
        Function::Contains
        | Function::StartsWith
        | Function::EndsWith
        | Function::Split
        | Function::Replace
        | Function::Substring
        | Function::LowerAscii
        | Function::UpperAscii
        | Function::Trim
        | Function::IndexOf
        | Function::LastIndexOf
        | Function::CharAt => strings::apply(fuel, function, values),
        Function::Bool
        | Function::Int
        | Function::UInt
        | Function::Double
        | Function::String
        | Function::Bytes
        | Function::Type => conversions::apply(fuel, function, values),
    };
    result.unwrap_or_else(|| Err(no_overload(function, values)))
}

fn no_overload(function: Function, values: &[Value<'_>]) -> EvalFault {
    let mut kinds = values.iter().map(Value::kind);
    EvalFault::NoSuchOverload {
        operation: function.as_str(),
        first: kinds.next().unwrap_or(super::Kind::Null),
        second: kinds.next(),
    }
}

// === impl Function ===

impl Function {
    /// The name that programs call it by.
    pub(super) fn as_str(self) -> &'static str {
        SIGNATURES.iter().find(|signature| signature.function == self).map_or("", |signature| signature.name)
    }
}

const fn on_receiver(name: &'static str, function: Function, arguments: &'static [usize]) -> Signature {
    Signature { name, function, alone: &[], on_receiver: arguments }
}

const fn conversion(name: &'static str, function: Function) -> Signature {
    Signature { name, function, alone: &[1], on_receiver: &[] }
}

const SIGNATURES: &[Signature] = &[
    Signature { name: "size", function: Function::Size, alone: &[1], on_receiver: &[0] },
    on_receiver("contains", Function::Contains, &[1]),
    on_receiver("startsWith", Function::StartsWith, &[1]),
    on_receiver("endsWith", Function::EndsWith, &[1]),
    on_receiver("split", Function::Split, &[1, 2]),
    on_receiver("join", Function::Join, &[0, 1]),
    on_receiver("replace", Function::Replace, &[2, 3]),
    on_receiver("substring", Function::Substring, &[1, 2]),
    on_receiver("lowerAscii", Function::LowerAscii, &[0]),
    on_receiver("upperAscii", Function::UpperAscii, &[0]),
    on_receiver("trim", Function::Trim, &[0]),
    on_receiver("indexOf", Function::IndexOf, &[1, 2]),
    on_receiver("lastIndexOf", Function::LastIndexOf, &[1, 2]),
    on_receiver("charAt", Function::CharAt, &[1]),
    conversion("bool", Function::Bool),
    conversion("int", Function::Int),
    conversion("uint", Function::UInt),
    conversion("double", Function::Double),
    conversion("string", Function::String),
    conversion("bytes", Function::Bytes),
    conversion("type", Function::Type),
];
