//! The runs as plots: for each server one file with its latencies, how fast news spread, and its throughput.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::Error;
use crate::measured::Operation;
use crate::runs::{Run, quantile_ms};

const SIZE: (u32, u32) = (1500, 480);
const FONT: &str = "sans-serif";
/// In the order of runs; a dashed line would need more of the library.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0xd9, 0x5f, 0x02),
    RGBColor(0x2c, 0x9c, 0x5c),
    RGBColor(0xb0, 0x2a, 0x5b),
    RGBColor(0x75, 0x70, 0xb3),
    RGBColor(0x66, 0x66, 0x66),
];
/// The last nines on the axis of quantiles: 3 is 99.9 %.
const MOST_NINES: f64 = 3.0;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A line in a plot.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Writes `SERVER.svg` into the folder for every server.
pub(crate) fn draw(dir: &Path, runs: &[Run]) -> Result<(), Error> {
    let mut servers: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        servers.entry(&run.setting.server).or_default().push(run);
    }
    for (server, runs) in servers {
        let path = dir.join(format!("{server}.svg"));
        plot(&path, server, &runs).map_err(|error| Error::Plot(error.to_string()))?;
    }
    Ok(())
}

fn plot(path: &Path, server: &str, runs: &[&Run]) -> Result<(), Box<dyn core::error::Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((1, 3));
    let [latency, spread, throughput] = panels.as_slice() else { unreachable!("split in three") };

    // Posts are asked in several ways that take about as long; of a herd's two only one is its own work.
    let is_main = |name: &str| name != "WHATSAT";
    let asked = |run: &Run| merged(run.asked().filter(|(name, _)| is_main(name)));
    let what = if server == "herd-posts" { "questions" } else { "IAMAT" };
    quantiles(latency, &format!("{server}: latency of {what}"), lines(runs, asked))?;
    let observed = |run: &Run| merged(run.observed());
    quantiles(spread, "until another server knows", lines(runs, observed))?;
    let per_second = runs.iter().map(|run| Line {
        name: run.title(),
        points: (0_u32..)
            .zip(&run.measured.answered_per_second)
            .map(|(second, count)| (f64::from(second), number(*count)))
            .collect(),
    });
    rates(throughput, "answers per second", &per_second.collect::<Vec<_>>())?;
    root.present()?;
    Ok(())
}

fn merged<'a>(operations: impl Iterator<Item = (&'a str, &'a Operation)>) -> Operation {
    operations.fold(Operation::default(), |mut sum, (_, operation)| {
        sum.add(operation);
        sum
    })
}

fn lines(runs: &[&Run], operation: impl Fn(&Run) -> Operation) -> Vec<Line> {
    let line = |run: &&Run| Line { name: run.title(), points: by_nines(&operation(run)) };
    runs.iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

/// Milliseconds by nines, as far as there are enough answers to tell.
fn by_nines(operation: &Operation) -> Vec<(f64, f64)> {
    let most = number(operation.answered()).log10().min(MOST_NINES);
    let steps = (0..=60_u32).map(|step| MOST_NINES * f64::from(step) / 60.0);
    steps
        .take_while(|nines| *nines <= most)
        .map(|nines| {
            let quantile = 1.0 - 10_f64.powf(-nines);
            (nines, quantile_ms(operation, quantile).max(0.01))
        })
        .collect()
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn quantiles(
    panel: &Panel<'_>,
    title: &str,
    lines: Vec<Line>,
) -> Result<(), Box<dyn core::error::Error>> {
    // Room for the legend above the lines.
    let longest = highest(&lines).max(1.0) * 30.0;
    let least = lowest(&lines).clamp(0.01, 1.0) / 2.0;
    let mut chart = ChartBuilder::on(panel)
        .caption(title, (FONT, 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..MOST_NINES, (least..longest).log_scale())?;
    chart
        .configure_mesh()
        .x_labels(4)
        .x_label_formatter(&|nines| {
            let percent = 100.0 * (1.0 - 10_f64.powf(-nines));
            format!("{} %", (percent * 10.0).round() / 10.0)
        })
        .y_label_formatter(&|ms| format!("{ms}"))
        .x_desc("share of answers")
        .y_desc("ms at most")
        .light_line_style(TRANSPARENT)
        .label_style((FONT, 13))
        .draw()?;
    for (line, colour) in lines.into_iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(LineSeries::new(line.points, colour.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}

fn rates(
    panel: &Panel<'_>,
    title: &str,
    lines: &[Line],
) -> Result<(), Box<dyn core::error::Error>> {
    let last = lines.iter().map(|line| line.points.len()).max().unwrap_or(0).max(2) - 1;
    let mut chart = ChartBuilder::on(panel)
        .caption(title, (FONT, 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(
            0.0..f64::from(u32::try_from(last)?),
            0.0..(highest(lines) * 1.6).max(1.0),
        )?;
    chart
        .configure_mesh()
        .x_labels(6)
        .x_desc("second")
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .x_label_formatter(&|second| format!("{second:.0}"))
        .light_line_style(TRANSPARENT)
        .label_style((FONT, 13))
        .draw()?;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(LineSeries::new(line.points.clone(), colour.stroke_width(2)))?
            .label(line.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}

fn highest(lines: &[Line]) -> f64 {
    lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).fold(0.0, f64::max)
}

fn lowest(lines: &[Line]) -> f64 {
    lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn a_line_ends_where_there_are_too_few_answers_to_tell() {
        let mut hundred = Operation::default();
        for ms in 1..=100 {
            hundred.answer(Duration::from_millis(ms));
        }

        let points = by_nines(&hundred);

        assert_eq!(points[0], (0.0, 1.0));
        assert_eq!(points.last().map(|(nines, _)| *nines), Some(2.0));
        assert!(points.is_sorted_by(|a, b| a.1 <= b.1));
        assert_eq!(by_nines(&Operation::default()), []);
    }
}
