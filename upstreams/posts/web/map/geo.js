// Points, distances and circles on a round earth, and the Mercator projection to a square from 0 to 1.

const EARTH_KM = 6371.0088;
const RADIANS = Math.PI / 180;

/** Where the square of the projection ends. */
export const MAX_LATITUDE = 85.0511;

/** The x (east) of a longitude; whole numbers are turns around the earth. */
export function toX(longitude) {
  return (longitude + 180) / 360;
}

/** The y (from the north) of a latitude. */
export function toY(latitude) {
  const sine = Math.sin(Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, latitude)) * RADIANS);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

/** The point of a place on the projection. */
export function toPoint(x, y) {
  const longitude = (x - Math.floor(x)) * 360 - 180;
  return { latitude: Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / RADIANS, longitude };
}

/** Kilometres along the ground for the whole width of the projection at a latitude. */
export function widthKm(latitude) {
  return 2 * Math.PI * EARTH_KM * Math.cos(latitude * RADIANS);
}

/** The points of a circle around a point, its longitudes without a jump. */
export function circlePoints({ latitude, longitude, radiusKm }, corners = 128) {
  const angle = radiusKm / EARTH_KM;
  const [sin, cos] = [Math.sin(latitude * RADIANS), Math.cos(latitude * RADIANS)];
  return Array.from({ length: corners }, (_, i) => {
    const bearing = (2 * Math.PI * i) / corners;
    const sinLatitude = sin * Math.cos(angle) + cos * Math.sin(angle) * Math.cos(bearing);
    const east = Math.atan2(Math.sin(bearing) * Math.sin(angle) * cos, Math.cos(angle) - sin * sinLatitude);
    return { latitude: Math.asin(sinLatitude) / RADIANS, longitude: longitude + east / RADIANS };
  });
}

/** Whether a circle has a pole in it: then its outline is no closed line on this map. */
export function holdsPole({ latitude, radiusKm }) {
  return Math.abs(latitude) + radiusKm / EARTH_KM / RADIANS >= 90;
}

/** "34.07° N, 118.45° W". */
export function placeName({ latitude, longitude }) {
  const north = `${Math.abs(latitude).toFixed(2)}° ${latitude < 0 ? "S" : "N"}`;
  return `${north}, ${Math.abs(longitude).toFixed(2)}° ${longitude < 0 ? "W" : "E"}`;
}
