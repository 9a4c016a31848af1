// Starts GraphiQL for this server.
//
// It is logged in as the browser is, by the cookie; a token in the tab "Headers" goes along as well:
// {"Authorization": "Bearer ..."}. Subscriptions run over the WebSocket, where only the cookie counts.

"use strict";

const FIRST_QUERY = `# Ctrl-Enter runs what is typed here.
# The book on the left has the schema.
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

const socket = new URL("/graphql", location.href);
socket.protocol = socket.protocol.replace("http", "ws");

const ask = GraphiQL.createFetcher({ url: "/graphql", subscriptionUrl: socket.href });

/** What is run right after it was typed has not been parsed yet, and subscriptions are told by that. */
function fetcher(request, options) {
  return ask(request, { ...options, documentAST: parsed(request.query) ?? options?.documentAST });
}

function parsed(query) {
  try {
    return GraphiQL.GraphQL.parse(query);
  } catch {
    return null; // The server says what is wrong.
  }
}

const root = ReactDOM.createRoot(document.getElementById("graphiql"));
root.render(React.createElement(GraphiQL, { fetcher, defaultQuery: FIRST_QUERY, shouldPersistHeaders: false }));
