use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;

use crate::data;
use crate::repository::root;

/// What to do with the map.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Compare with what is committed, and write nothing
    #[arg(long)]
    check: bool,
}

/// Countries, coarse: their outlines are drawn.
const COARSE: &str = "countries-110m.json";
/// Countries, finer: small islands are among them.
const FINE: &str = "countries-50m.json";
/// Numbers of countries (ISO 3166-1 numeric) and their codes.
const CODES: &str = "codes.json";

/// Countries and territories that the source has no outline of, or only as a part of another: points inside them, by their
/// capitals or main islands.
const WITHOUT_OUTLINE: [(&str, f64, f64); 15] = [
    ("BQ", 12.18, -68.26),
    ("BV", -54.42, 3.36),
    ("CC", -12.17, 96.83),
    ("CX", -10.45, 105.69),
    ("GF", 4.0, -53.0),
    ("GI", 36.14, -5.35),
    ("GP", 16.25, -61.55),
    ("MQ", 14.64, -61.02),
    ("RE", -21.11, 55.53),
    ("SJ", 78.22, 15.65),
    ("TK", -9.17, -171.83),
    ("TV", -8.52, 179.2),
    ("UM", 19.28, 166.65),
    ("XK", 42.6, 20.9),
    ("YT", -12.83, 45.16),
];

/// A topology (TopoJSON): outlines as arcs that neighbours share.
#[derive(Deserialize)]
struct Topology {
    transform: Transform,
    arcs: Vec<Vec<[f64; 2]>>,
    objects: Objects,
}

#[derive(Deserialize)]
struct Transform {
    scale: [f64; 2],
    translate: [f64; 2],
}

#[derive(Deserialize)]
struct Objects {
    countries: Collection,
}

#[derive(Deserialize)]
struct Collection {
    geometries: Vec<Geometry>,
}

#[derive(Deserialize)]
struct Geometry {
    id: Option<String>,
    #[serde(flatten)]
    shape: Shape,
}

/// Rings of numbers of arcs; a negative number is the arc `!number`, backwards.
#[derive(Deserialize)]
#[serde(tag = "type", content = "arcs")]
enum Shape {
    Polygon(Vec<Vec<i64>>),
    MultiPolygon(Vec<Vec<Vec<i64>>>),
}

/// Longitude and latitude, in degrees.
type Point = (f64, f64);

pub(crate) fn run(options: &Options) -> Result<()> {
    let coarse = Topology::read(COARSE)?;
    let lines = coarse.lines();
    let world = encode(&lines)?;
    let centres = Topology::read(FINE)?.centres()?;
    let mut text = String::new();
    for (code, (longitude, latitude)) in &centres {
        writeln!(text, "{code} {latitude:.2} {longitude:.2}")?;
    }
    let directory = root().join("crates/window/data");
    let files = [
        ("world.bin", world.clone()),
        ("centres.txt", text.into_bytes()),
        ("README.md", readme(world.len(), lines.len(), centres.len())?.into_bytes()),
    ];
    for (name, bytes) in files {
        let path = directory.join(name);
        if options.check {
            let committed = fs::read(&path).with_context(|| path.display().to_string())?;
            ensure!(committed == bytes, "{} is not what `cargo xtask map` writes", path.display());
        } else {
            fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
    }
    println!("{} bytes, {} lines, {} countries", world.len(), lines.len(), centres.len());
    Ok(())
}

impl Topology {
    fn read(name: &str) -> Result<Topology> {
        let text = fs::read_to_string(data::file(name)?)?;
        serde_json::from_str(&text).with_context(|| name.to_owned())
    }

    /// The points of an arc: each is told by its distance from the one before.
    fn arc(&self, index: usize) -> Vec<Point> {
        let ([sx, sy], [tx, ty]) = (self.transform.scale, self.transform.translate);
        let mut at = (0.0, 0.0);
        let moves = self.arcs.get(index).map(Vec::as_slice).unwrap_or_default();
        moves
            .iter()
            .map(|[x, y]| {
                at = (at.0 + x, at.1 + y);
                (at.0 * sx + tx, at.1 * sy + ty)
            })
            .collect()
    }

    fn polygons(&self) -> impl Iterator<Item = (&Geometry, &Vec<Vec<i64>>)> {
        self.objects.countries.geometries.iter().flat_map(|geometry| {
            let polygons: Vec<&Vec<Vec<i64>>> = match &geometry.shape {
                Shape::Polygon(rings) => vec![rings],
                Shape::MultiPolygon(polygons) => polygons.iter().collect(),
            };
            polygons.into_iter().map(move |rings| (geometry, rings))
        })
    }

    /// Every arc once; true: a border between two countries. The cut at the antimeridian and the edge of Antarctica at the pole are
    /// no coast.
    fn lines(&self) -> Vec<(bool, Vec<Point>)> {
        let mut used = vec![0u32; self.arcs.len()];
        for arc in self.polygons().flat_map(|(_, rings)| rings.iter().flatten()) {
            if let Some(count) = used.get_mut(index(*arc)) {
                *count += 1;
            }
        }
        let mut lines = Vec::new();
        for (at, count) in used.iter().enumerate().filter(|(_, count)| **count > 0) {
            let mut line: Vec<Point> = Vec::new();
            for point in self.arc(at) {
                let is_cut = |before: &Point| {
                    let along = before.0.abs() > 179.98 && point.0.abs() > 179.98;
                    let pole = before.1 < -84.9 && point.1 < -84.9;
                    along || pole || (before.0 - point.0).abs() > 180.0
                };
                if line.last().is_some_and(is_cut) {
                    lines.push((*count > 1, std::mem::take(&mut line)));
                }
                line.push(point);
            }
            lines.push((*count > 1, line));
        }
        lines.retain(|(_, line)| line.len() > 1);
        lines
    }

    fn ring(&self, arcs: &[i64]) -> Vec<Point> {
        let mut ring = Vec::new();
        for arc in arcs {
            let mut points = self.arc(index(*arc));
            if *arc < 0 {
                points.reverse();
            }
            ring.extend(points);
        }
        // One that the antimeridian cuts is put together east of it.
        let is_wide = ring.iter().any(|(x, _)| *x < -90.0) && ring.iter().any(|(x, _)| *x > 90.0);
        let spans_all = ring.iter().any(|(x, _)| x.abs() < 60.0);
        if is_wide && !spans_all {
            ring.iter_mut().filter(|(x, _)| *x < 0.0).for_each(|(x, _)| *x += 360.0);
        }
        ring
    }

    /// A point inside each country, in its largest part.
    fn centres(&self) -> Result<BTreeMap<String, Point>> {
        let text = fs::read_to_string(data::file(CODES)?)?;
        let rows: Vec<[String; 4]> = serde_json::from_str(&text).context(CODES)?;
        let codes: HashMap<String, String> = rows.into_iter().map(|[code, _, number, _]| (number, code)).collect();
        let mut largest: BTreeMap<String, (f64, Vec<Point>)> = BTreeMap::new();
        for (geometry, rings) in self.polygons() {
            let code = geometry.id.as_ref().and_then(|number| codes.get(number));
            let (Some(code), Some(outer)) = (code, rings.first()) else { continue };
            let ring = self.ring(outer);
            let area = area(&ring);
            if largest.get(code).is_none_or(|(known, _)| *known < area) {
                largest.insert(code.clone(), (area, ring));
            }
        }
        let mut centres: BTreeMap<String, Point> = largest
            .into_iter()
            .map(|(code, (_, ring))| {
                let (x, y) = inside(&ring);
                (code, (if x > 180.0 { x - 360.0 } else { x }, y))
            })
            .collect();
        for (code, latitude, longitude) in WITHOUT_OUTLINE {
            centres.entry(code.to_owned()).or_insert((longitude, latitude));
        }
        Ok(centres)
    }
}

fn index(arc: i64) -> usize {
    usize::try_from(if arc < 0 { !arc } else { arc }).unwrap_or(usize::MAX)
}

/// In square degrees, narrower towards the poles.
fn area(ring: &[Point]) -> f64 {
    let mut sum = 0.0;
    let mut latitudes = 0.0;
    for (one, other) in ring.iter().zip(ring.iter().skip(1)) {
        sum += one.0 * other.1 - other.0 * one.1;
        latitudes += one.1;
    }
    let mean: f64 = latitudes / ring.len().max(1) as f64;
    (sum / 2.0).abs() * mean.to_radians().cos()
}

/// The middle of a ring; where that is outside, the middle of the widest part at its height.
fn inside(ring: &[Point]) -> Point {
    let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
    for (one, other) in ring.iter().zip(ring.iter().skip(1)) {
        let cross = one.0 * other.1 - other.0 * one.1;
        x += (one.0 + other.0) * cross;
        y += (one.1 + other.1) * cross;
        sum += cross;
    }
    let middle = (x / (3.0 * sum), y / (3.0 * sum));
    let mut crossings: Vec<f64> = ring
        .iter()
        .zip(ring.iter().skip(1))
        .filter(|(one, other)| (one.1 > middle.1) != (other.1 > middle.1))
        .map(|(one, other)| one.0 + (middle.1 - one.1) / (other.1 - one.1) * (other.0 - one.0))
        .collect();
    crossings.sort_by(f64::total_cmp);
    let spans = || crossings.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    if spans().any(|(left, right)| (left..=right).contains(&middle.0)) {
        return middle;
    }
    let widest = spans().max_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)));
    widest.map_or(middle, |(left, right)| (f64::midpoint(left, right), middle.1))
}

/// The format is described in `crates/window/src/map/world.rs`.
fn encode(lines: &[(bool, Vec<Point>)]) -> Result<Vec<u8>> {
    let mut bytes = b"SSMAP1\0\0".to_vec();
    bytes.extend(u16::try_from(lines.len())?.to_le_bytes());
    for (is_border, line) in lines {
        bytes.push(u8::from(*is_border));
        bytes.extend(u16::try_from(line.len())?.to_le_bytes());
        for (longitude, latitude) in line {
            for degrees in [longitude, latitude] {
                bytes.extend(((degrees * 100.0).round() as i16).to_le_bytes());
            }
        }
    }
    Ok(bytes)
}

fn readme(bytes: usize, lines: usize, countries: usize) -> Result<String> {
    let (package, sha256) = data::origin(COARSE)?;
    let (codes, _) = data::origin(CODES)?;
    Ok(format!(
        "# The map of the world\n\n\
         `cargo xtask map` makes `world.bin` (coasts and borders, 1:110 million), `centres.txt` (a point inside each country: code, \
         latitude, longitude) and this page.\n\n| | |\n|---|---|\n\
         | source | Natural Earth, <https://www.naturalearthdata.com> |\n\
         | packages | {package}; {codes} for the codes of countries |\n\
         | SHA-256 of the package | `{sha256}` |\n\
         | size | {bytes} bytes, {lines} lines, {countries} countries and territories |\n\
         | licence | public domain, <https://www.naturalearthdata.com/about/terms-of-use/> |\n\
         | attribution | Made with Natural Earth |\n\
         | changes | lines are cut at the antimeridian and the pole, and points rounded to hundredths of a degree |\n"
    ))
}
