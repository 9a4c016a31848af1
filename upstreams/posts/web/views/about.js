// What this is, how to use it by keyboard, and whose data it shows.

import { h } from "../dom.js";

export function about() {
  const key = (keys, words) => h("li", null, keys.map((key) => [h("kbd", null, key), " "]), words);
  return {
    title: "About",
    content: [
      h("h1", null, "About"),
      h(
        "section",
        { class: "card prose" },
        h("p", null, "Herd posts is a microblog whose posts may have a place on the map. It is part of herd, an application server herd."),
        h(
          "p",
          null,
          "Everything here goes through one GraphQL endpoint, which is open to programs of your own: ",
          h("a", { href: "/graphql" }, "try it in GraphiQL"),
          ".",
        ),
        h("h2", null, "By keyboard"),
        h(
          "ul",
          null,
          key(["Tab"], "goes from link to link; the first one skips the navigation."),
          key(["Ctrl", "Enter"], "sends the post you are writing."),
          key(["←", "→", "↑", "↓"], "move the map when it has the focus, farther with Shift."),
          key(["+", "−"], "zoom the map."),
          key(["Enter"], "on the map takes the point in its middle."),
        ),
        h("h2", null, "What it stores and asks"),
        h(
          "p",
          null,
          "Logging in sets one cookie, for the session. Your position is asked for only when you press “Where I am”, and given away only with a post or a search. Nothing is loaded from anywhere but this server.",
        ),
        h("h2", null, "Data and programs by others"),
        h(
          "ul",
          null,
          h("li", null, "The outlines of land are from ", outside("https://www.naturalearthdata.com/", "Natural Earth"), ", in the public domain."),
          h(
            "li",
            null,
            "The towns are from ",
            outside("https://www.geonames.org/", "GeoNames"),
            ", under ",
            outside("https://creativecommons.org/licenses/by/4.0/", "CC BY 4.0"),
            ".",
          ),
          h("li", null, "GraphiQL and what it contains are under ", h("a", { href: "/web/graphiql/LICENSES.txt" }, "these licences"), "."),
        ),
      ),
    ],
  };
}

function outside(href, words) {
  return h("a", { href, rel: "noopener noreferrer", target: "_blank" }, words);
}
