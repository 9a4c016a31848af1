//! Measures how the cost of one report grows with the herd, and draws it: `growth [OUT.svg]`.
//!
//! Time is invented, so that the picture is the same each time and on every machine.

use core::error::Error;
use std::io::{self, Write as _};

use herd_simulator::{Growth, Shape, growth};
use plotters::prelude::*;

const SIZES: [usize; 8] = [5, 10, 20, 50, 100, 200, 500, 1000];
/// What is drawn: the shape, the most servers, the colour.
const LINES: [(Shape, usize, RGBColor); 4] = [
    (Shape::Ring, 1000, RGBColor(0xc0, 0x39, 0x2b)),
    (Shape::Tree, 1000, RGBColor(0x27, 0x8a, 0x4b)),
    (Shape::Random, 1000, RGBColor(0x2c, 0x5f, 0xa8)),
    (Shape::Mesh, 200, RGBColor(0x8e, 0x5b, 0xb0)),
];

type Line = (RGBColor, Vec<Growth>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    let mut lines: Vec<Line> = Vec::new();
    writeln!(
        out,
        "| herd | servers | links | messages | hops | time |\n|---|---|---|---|---|---|"
    )?;
    for (shape, most, colour) in LINES {
        let mut line = Vec::new();
        for servers in SIZES.into_iter().filter(|servers| *servers <= most) {
            let found = growth(shape, servers).map_err(|violation| violation.to_string())?;
            let Growth { links, messages, hops, time, .. } = found;
            let (name, time) = (shape.name(), time.as_secs_f64() * 1e3);
            writeln!(
                out,
                "| {name} | {servers} | {links} | {messages:.1} | {hops:.1} | {time:.0} ms |"
            )?;
            line.push(found);
        }
        lines.push((colour, line));
    }
    match std::env::args().nth(1) {
        Some(path) => draw(&path, &lines),
        None => Ok(()),
    }
}

fn draw(path: &str, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (1080, 380)).into_drawing_area();
    root.fill(&WHITE)?;
    let areas = root.split_evenly((1, 3));
    panel(&areas[0], "messages for one report", lines, true, |found| found.messages)?;
    panel(&areas[1], "hops to the last server", lines, false, |found| found.hops)?;
    let time = |found: &Growth| found.time.as_secs_f64() * 1e3;
    panel(&areas[2], "milliseconds until all have it", lines, false, time)?;
    root.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    lines: &[Line],
    with_names: bool,
    value: impl Fn(&Growth) -> f64,
) -> Result<(), Box<dyn Error>> {
    let values = lines.iter().flat_map(|(_, line)| line).map(&value);
    let most = values.clone().fold(1.0, f64::max) * 1.5;
    let least = values.fold(f64::MAX, f64::min) / 1.5;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 17))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(52)
        .build_cartesian_2d((4.0..1200.0_f64).log_scale(), (least..most).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("servers")
        .light_line_style(WHITE.mix(0.0))
        .x_label_formatter(&|at| format!("{at:.0}"))
        .y_label_formatter(&|at| format!("{at:.0}"))
        .draw()?;
    for (colour, line) in lines {
        let Some(first) = line.first() else { continue };
        #[expect(clippy::cast_precision_loss, reason = "there are few servers")]
        let points = line.iter().map(|found| (found.servers as f64, value(found)));
        let series = LineSeries::new(points.clone(), colour.stroke_width(2));
        let drawn = chart.draw_series(series)?;
        if with_names {
            let colour = *colour;
            drawn.label(first.shape.name()).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
            });
        }
        chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    if with_names {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw()?;
    }
    Ok(())
}
