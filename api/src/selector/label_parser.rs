//! The parser of label selectors' texts, with upstream's tolerances: `a in (,b)` names the empty value too, blanks
//! separate, `in` and `notin` are values where no operator can stand.

use super::SelectorError;
use super::label::{LabelOperator, LabelRequirement, check_key};
use crate::validation::FieldPath;

/// A word of the text. Blanks are gone; what is no sign is a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
    End,
}

impl<'a> Token<'a> {
    /// How sentences name it: nothing stands for the end.
    fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Sign(text) => text,
            Self::End => "",
        }
    }
}

/// A position among the tokens.
pub(super) struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

type Parsed<T> = Result<T, SelectorError>;

fn found(token: Token<'_>, expected: &str) -> SelectorError {
    SelectorError(format!("found '{}', expected: {expected}", token.text()))
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { tokens: tokens(text), at: 0 }
    }

    /// All requirements, in the order of the text.
    pub(super) fn selector(mut self) -> Parsed<Vec<LabelRequirement>> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                Token::Word(_) | Token::Sign("!") => {}
                Token::End => return Ok(requirements),
                other => return Err(found(other, "!, identifier, or 'end of string'")),
            }
            let requirement = self.requirement();
            requirements
                .push(requirement.map_err(|error| SelectorError(format!("unable to parse requirement: {error}")))?);
            match self.take() {
                Token::End => return Ok(requirements),
                Token::Sign(",") => match self.peek() {
                    Token::Word(_) | Token::Sign("!") => {}
                    other => return Err(found(other, "identifier after ','")),
                },
                other => return Err(found(other, "',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Parsed<LabelRequirement> {
        let (mut token, mut absent) = (self.take(), false);
        if token == Token::Sign("!") {
            (token, absent) = (self.take(), true);
        }
        let Token::Word(key) = token else { return Err(found(token, "identifier")) };
        if let Some(error) = check_key(key, &FieldPath::new("<nil>")) {
            return Err(SelectorError(error.to_string()));
        }
        if absent || matches!(self.peek(), Token::End | Token::Sign(",")) {
            let operator = if absent { LabelOperator::DoesNotExist } else { LabelOperator::Exists };
            return LabelRequirement::checked(key, operator, Vec::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            LabelOperator::In | LabelOperator::NotIn => self.values()?,
            _ => vec![self.value()?],
        };
        LabelRequirement::checked(key, operator, values)
    }

    fn operator(&mut self) -> Parsed<LabelOperator> {
        Ok(match self.take() {
            Token::Word("in") => LabelOperator::In,
            Token::Word("notin") => LabelOperator::NotIn,
            Token::Sign("=") => LabelOperator::Equals,
            Token::Sign("==") => LabelOperator::DoubleEquals,
            Token::Sign("!=") => LabelOperator::NotEquals,
            Token::Sign(">") => LabelOperator::GreaterThan,
            Token::Sign("<") => LabelOperator::LessThan,
            other => return Err(found(other, "in, notin, =, ==, !=, gt, lt")),
        })
    }

    /// The value behind `=` and the like; nothing is the empty value.
    fn value(&mut self) -> Parsed<String> {
        if matches!(self.peek(), Token::End | Token::Sign(",")) {
            return Ok(String::new());
        }
        match self.take() {
            Token::Word(value) => Ok(value.to_owned()),
            other => Err(found(other, "identifier")),
        }
    }

    /// `(a,b)`, each once.
    fn values(&mut self) -> Parsed<Vec<String>> {
        let open = self.take();
        if open != Token::Sign("(") {
            return Err(SelectorError(format!("found '{}' expected: '('", open.text())));
        }
        let first = self.peek();
        match first {
            Token::Sign(")") => {
                self.take();
                return Ok(vec![String::new()]);
            }
            Token::Word(_) | Token::Sign(",") => {}
            other => return Err(found(other, "',', ')' or identifier")),
        }
        let values = self.listed()?;
        // `listed` stops before the closing parenthesis or fails.
        if self.take() == Token::Sign(")") { Ok(values) } else { Err(found(first, "')'")) }
    }

    fn listed(&mut self) -> Parsed<Vec<String>> {
        let mut values: Vec<String> = Vec::new();
        let insert = |values: &mut Vec<String>, value: &str| {
            if !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        };
        loop {
            match self.take() {
                Token::Word(value) => {
                    insert(&mut values, value);
                    match self.peek() {
                        Token::Sign(",") => {}
                        Token::Sign(")") => return Ok(values),
                        other => return Err(found(other, "',' or ')'")),
                    }
                }
                Token::Sign(",") => {
                    if values.is_empty() {
                        insert(&mut values, "");
                    }
                    match self.peek() {
                        Token::Sign(")") => {
                            insert(&mut values, "");
                            return Ok(values);
                        }
                        Token::Sign(",") => insert(&mut values, ""),
                        _ => {}
                    }
                }
                other => return Err(found(other, "',', or identifier")),
            }
        }
    }

    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.at).copied().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
    let is_sign = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(BLANKS);
    while let Some(first) = rest.chars().next() {
        // Go's reader takes a NUL for the end.
        if first == '\0' {
            break;
        }
        let length = if rest.starts_with("==") || rest.starts_with("!=") {
            2
        } else if is_sign(first) {
            1
        } else {
            rest.find(|c: char| is_sign(c) || c == '\0' || BLANKS.contains(&c)).unwrap_or(rest.len())
        };
        let (token, behind) = rest.split_at(length);
        tokens.push(if is_sign(first) { Token::Sign(token) } else { Token::Word(token) });
        let behind = if is_sign(first) { behind } else { behind.strip_prefix('\0').unwrap_or(behind) };
        rest = behind.trim_start_matches(BLANKS);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::super::LabelSelector;

    #[test]
    fn good_texts() {
        let rows = [
            ("", ""),
            ("a", "a"),
            (" !a ", "!a"),
            ("b,a", "a,b"),
            ("a=b", "a=b"),
            ("a == b", "a==b"),
            ("a!=b", "a!=b"),
            ("a=", "a="),
            ("a in (x,y)", "a in (x,y)"),
            ("a in (y,x,x)", "a in (x,y)"),
            ("a notin (x, )", "a notin (,x)"),
            ("a in (,)", "a in ()"),
            ("a in ()", "a in ()"),
            ("a in (in)", "a in (in)"),
            ("in in (in,notin)", "in in (in,notin)"),
            ("a=in", "a=in"),
            ("x.io/a>5", "x.io/a>5"),
            ("a<0", "a<0"),
        ];
        for (text, shown) in rows {
            assert_eq!(LabelSelector::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn bad_texts_get_upstreams_sentences() {
        let rows = [
            (",", "found ',', expected: !, identifier, or 'end of string'"),
            ("a,", "found '', expected: identifier after ','"),
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            ("!a=b", "found '=', expected: ',' or 'end of string'"),
            ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ("a in x", "unable to parse requirement: found 'x' expected: '('"),
            ("a in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
            ("a in (x,=)", "unable to parse requirement: found '=', expected: ',', or identifier"),
            ("a=!b", "unable to parse requirement: found '!', expected: identifier"),
            (
                "a>x",
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value \
                 must be an integer",
            ),
        ];
        for (text, sentence) in rows {
            assert_eq!(LabelSelector::parse(text).unwrap_err().to_string(), sentence, "{text}");
        }
        let error = |text| LabelSelector::parse(text).unwrap_err().to_string();
        assert!(
            error("-a").starts_with("unable to parse requirement: <nil>: Invalid value: \"-a\": "),
            "{}",
            error("-a")
        );
        let value = error("a=b_");
        assert!(value.starts_with("unable to parse requirement: values[0][a]: Invalid value: \"b_\": "), "{value}");
    }
}
