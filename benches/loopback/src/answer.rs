//! What is a right answer.
//!
//! Cheaper than taking `AT` lines apart: between two turns no server should have the time to fall asleep.

/// The server that hears all reports.
pub(crate) const HILL: &str = "Hill";

/// Whether these lines are what Hill answers to these reports, one for each and in their order.
pub(crate) fn answers(lines: &[u8], reports: &[u8]) -> bool {
    count(lines) == count(reports)
        && split(lines).zip(split(reports)).all(|(line, report)| is_answer(line, report))
}

/// How many lines have ended.
pub(crate) fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

fn is_answer(line: &[u8], report: &[u8]) -> bool {
    // With the space before them, and the end of the line.
    let operands = report.strip_prefix(b"IAMAT").expect("a report");
    let rest = line.strip_prefix(b"AT ").and_then(|rest| rest.strip_prefix(HILL.as_bytes()));
    let difference = rest.and_then(|rest| rest.strip_suffix(operands));
    difference.is_some_and(is_difference)
}

/// A space, a sign, and seconds with nine decimals.
fn is_difference(bytes: &[u8]) -> bool {
    let [b' ', b'+' | b'-', seconds @ .., b'.', _, _, _, _, _, _, _, _, _] = bytes else {
        return false;
    };
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    !seconds.is_empty() && digits == seconds.len() + 9
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORTS: &[u8] = b"IAMAT kiwi +1-1 100\nIAMAT emu +2-2 200.5\n";
    const ANSWERS: &str =
        "AT Hill +0.263873386 kiwi +1-1 100\nAT Hill -12.000000000 emu +2-2 200.5\n";

    #[test]
    fn each_report_has_its_answer() {
        assert!(answers(ANSWERS.as_bytes(), REPORTS));
    }

    #[test]
    fn anything_else_is_wrong() {
        let (kiwi, emu) = ANSWERS.split_once('\n').unwrap();
        let wrong = [
            format!("{emu}{kiwi}\n"),
            format!("{kiwi}\n"),
            format!("{ANSWERS}{emu}"),
            ANSWERS.replace("Hill", "Ball"),
            ANSWERS.replace("kiwi", "kea"),
            ANSWERS.replace("200.5", "200.4"),
            ANSWERS.replace("+0.", "0."),
            ANSWERS.replace("+0.", "+."),
            ANSWERS.replace("873386 ", "87338 "),
            ANSWERS.replace("263873386", "26387338x"),
            ANSWERS.replace("AT Hill +0.263873386", "? IAMAT"),
        ];
        for lines in wrong {
            assert!(!answers(lines.as_bytes(), REPORTS), "{lines}");
        }
    }
}
