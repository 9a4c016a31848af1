// The icons, as outlines on a grid of 24.

const OUTLINES = {
  latest: "M4 5h16M4 10h16M4 15h10M4 20h10",
  feed: "M4 11.5 12 4l8 7.5V20h-5.5v-5.5h-5V20H4z",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20.5 20.5",
  mentions: "M15.5 12a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0v1.5a2.4 2.4 0 0 0 4.8 0V12a8.3 8.3 0 1 0-3.3 6.6",
  profile: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20.5c.6-4 3.7-6 7.5-6s6.9 2 7.5 6",
  about: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 11v5.5M12 7.6v.1",
  reply: "M20 12a7.5 7.5 0 0 1-11 6.6L4 20l1.4-4.6A7.5 7.5 0 1 1 20 12z",
  repost: "M4 9.5 7.5 6l3.5 3.5M7.5 6v9a3 3 0 0 0 3 3H13M20 14.5 16.5 18 13 14.5M16.5 18V9a3 3 0 0 0-3-3H11",
  like: "M12 20S4 15 4 9.4A4.4 4.4 0 0 1 12 7a4.4 4.4 0 0 1 8 2.4C20 15 12 20 12 20z",
  delete: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.9 13h9.2l.9-13M10.3 11v5M13.7 11v5",
  place: "M12 21c-4.3-4.6-6.5-8-6.5-10.8a6.5 6.5 0 0 1 13 0C18.5 13 16.3 16.4 12 21zM12 8a2.2 2.2 0 1 1 0 4.4A2.2 2.2 0 0 1 12 8z",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
};

/** An icon that says nothing by itself: whoever shows it names the button. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", OUTLINES[name]);
  svg.append(path);
  return svg;
}
