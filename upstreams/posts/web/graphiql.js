// Starts GraphiQL for this server.
//
// It is logged in as the browser is, by the cookie; a token in the tab "Headers" goes along as well:
// {"Authorization": "Bearer ..."}. Subscriptions run over the WebSocket, where only the cookie counts.

"use strict";

const FIRST_QUERY = `# Type on the left, run with Ctrl-Enter. The schema is behind the book icon.
# Mutations such as logIn set the cookie of this browser; subscriptions run too.
query Latest {
  posts(first: 3) {
    nodes {
      text
      createdAt
      author { name }
      position { latitude longitude }
    }
  }
  trending { tag postCount }
}
`;

const socket = new URL("/graphql/ws", location.href);
socket.protocol = socket.protocol.replace("http", "ws");

const fetcher = GraphiQL.createFetcher({ url: "/graphql", subscriptionUrl: socket.href });
const root = ReactDOM.createRoot(document.getElementById("graphiql"));
root.render(React.createElement(GraphiQL, { fetcher, defaultQuery: FIRST_QUERY, shouldPersistHeaders: false }));
