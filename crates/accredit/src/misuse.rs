//! What the parser of the command line says, in the words of every other error.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::Failure;

/// The failure of a command line that makes no sense.
pub(crate) fn failure(error: &clap::Error) -> Failure {
    let said = |kind: ContextKind| error.get(kind).map(text).filter(|text| !text.is_empty());
    let missing = said(ContextKind::InvalidArg).unwrap_or_else(|| "an argument".to_owned()).replace(['<', '>'], "");
    let argument = name(&missing);
    let value = said(ContextKind::InvalidValue).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            format!("`{}` is not a verb here", said(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::UnknownArgument => format!("argument `{argument}` is not known here"),
        ErrorKind::InvalidValue if value.is_empty() => format!("argument `{argument}` has no value"),
        ErrorKind::InvalidValue => match said(ContextKind::ValidValue) {
            Some(valid) => format!("`{value}` does not fit `{argument}`, expected one of {valid}"),
            None => format!("`{value}` does not fit `{argument}`"),
        },
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(cause) => format!("`{value}` does not fit `{argument}`: {cause}"),
            None => format!("`{value}` does not fit `{argument}`"),
        },
        ErrorKind::MissingRequiredArgument => format!("argument is missing: {missing}"),
        ErrorKind::ArgumentConflict => match said(ContextKind::PriorArg) {
            Some(prior) if name(&prior) != argument => {
                format!("arguments `{argument}` and `{}` exclude each other", name(&prior))
            }
            _ => format!("argument `{argument}` is given twice"),
        },
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("argument `{argument}` has the wrong number of values")
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => first_line(error),
    };
    let suggestions = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    // The parser puts the nearest one last.
    let nearest = suggestions.into_iter().find_map(said).and_then(|near| near.rsplit(", ").next().map(str::to_owned));
    match nearest {
        Some(near) => Failure::misused(message).hint(format!("did you mean `{near}`?")),
        None => Failure::misused(message).hint("`accredit VERB --help` says what it takes"),
    }
}

/// `--file` of `--file FILE`.
fn name(argument: &str) -> &str {
    argument.split(' ').next().unwrap_or(argument)
}

fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// What the parser says first, for the kinds that nothing better is known of.
fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
