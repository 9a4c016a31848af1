//! GraphQL: the schema, its limits, and how a request is carried out.

mod costs;
mod errors;
mod expansion;
mod loads;
mod mutation;
mod nesting;
mod patience;
mod query;
mod subscription;
mod types;

use core::time::Duration;
use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Response, SDLExportOptions, Schema};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};

pub(crate) use self::errors::Status;
use self::errors::{complete, response};
use self::loads::Driven;
use self::mutation::Mutation;
use self::patience::Patience;
use self::query::Query;
use self::subscription::Subscription;
use crate::Error;
use crate::app::{App, Caller};
use crate::request::in_words;
use crate::turns::RequestDatabase;

/// How long a request may take, beside its turn to have a password hashed.
pub(crate) const TIME_OUT: Duration = Duration::from_secs(5);

/// How deep fields may nest: what tools ask to learn the schema needs 14.
const MAX_DEPTH: usize = 16;

/// What a request may cost, counted in fields that are shown.
const MAX_COMPLEXITY: usize = 10_000;

/// The schema and what it works on.
#[derive(Clone)]
pub(crate) struct Api {
    app: Arc<App>,
    schema: Schema<Query, Mutation, Subscription>,
}

/// An answer, and what HTTP says of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) status: Status,
}

impl From<Response> for Answer {
    fn from(mut response: Response) -> Self {
        let status = complete(&mut response);
        Self { response, status }
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        response(error).into()
    }
}

impl Api {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let schema = Schema::build(Query, Mutation, Subscription)
            .data(Arc::clone(&app))
            .limit_depth(MAX_DEPTH)
            .limit_recursive_depth(MAX_DEPTH * 2)
            .limit_complexity(MAX_COMPLEXITY)
            .limit_directives(8)
            .finish();
        Self { app, schema }
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Carries out a query or a mutation.
    pub(crate) async fn execute(&self, caller: Caller, mut request: Request) -> Answer {
        match kind(&mut request) {
            Ok(Kind::Other) => {}
            Ok(Kind::Subscription) => {
                return Error::Invalid("a subscription needs a WebSocket".into()).into();
            }
            Err(refused) => return (*refused).into(),
        }
        let patience = Arc::new(Patience::default());
        let answer = self.answers(caller, request.data(Arc::clone(&patience)));
        match patience.limit(TIME_OUT, answer.into_future()).await {
            Some((Some(response), _)) => response.into(),
            Some((None, _)) => Error::Invalid("the request asks for nothing".into()).into(),
            None => Error::TimedOut.into(),
        }
    }

    /// Carries out any operation: a query and a mutation have one answer, a subscription has any number.
    pub(crate) fn execute_stream(
        &self,
        caller: Caller,
        mut request: Request,
    ) -> BoxStream<'static, Response> {
        let this = self.clone();
        match kind(&mut request) {
            Ok(Kind::Subscription) => {
                let answers = this.answers(caller, request);
                answers.map(|response| Answer::from(response).response).boxed()
            }
            Ok(Kind::Other) => {
                let answer = async move { this.execute(caller, request).await.response };
                stream::once(answer).boxed()
            }
            Err(refused) => stream::iter([Answer::from(*refused).response]).boxed(),
        }
    }

    fn answers(&self, caller: Caller, request: Request) -> BoxStream<'static, Response> {
        let this = self.clone();
        let answers = async move {
            let database = RequestDatabase::new(this.app.database.clone(), caller.address);
            let viewer = match this.app.viewer(&caller, &database).await {
                Ok(viewer) => viewer,
                Err(error) => return stream::iter([response(error)]).boxed(),
            };
            let (loads, queue) = loads::loads(database.clone(), viewer.id());
            let request = request.data(caller).data(viewer).data(database).data(loads);
            Driven::new(this.schema.execute_stream(request), queue).boxed()
        };
        answers.flatten_stream().boxed()
    }
}

/// The schema as a document: what `schema.graphql` is.
pub fn schema() -> String {
    let schema = Schema::build(Query, Mutation, Subscription).finish();
    let options = SDLExportOptions::new().prefer_single_line_descriptions().use_space_ident();
    schema.sdl_with_options(options)
}

/// What is to be carried out.
enum Kind {
    Subscription,
    /// A query or a mutation.
    Other,
}

/// What a request is, or why it is none, or one that the library would take too long to look at.
fn kind(request: &mut Request) -> Result<Kind, Box<Response>> {
    if nesting::is_too_deep(&request.query) {
        return Err(Box::new(response(Error::Invalid("the query nests too deep".into()))));
    }
    let name = request.operation_name.clone();
    let parsed = request.parsed_query();
    let document =
        parsed.map_err(|error| Box::new(Response::from_errors(vec![in_words(error)])))?;
    expansion::check(document).map_err(|error| Box::new(response(error)))?;
    Ok(if is_subscription(document, name.as_deref()) { Kind::Subscription } else { Kind::Other })
}

/// Whether the operation with this name, or the only one, is a subscription.
fn is_subscription(document: &ExecutableDocument, name: Option<&str>) -> bool {
    document.operations.iter().any(|(own, operation)| {
        let is_meant = name.is_none_or(|name| own.is_none_or(|own| own == name));
        is_meant && operation.node.ty == OperationType::Subscription
    })
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::*;

    /// With `BLESS_SCHEMA` set the file is written.
    #[test]
    fn the_schema_that_is_checked_in_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
        if env::var_os("BLESS_SCHEMA").is_some() {
            fs::write(path, schema()).unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), schema(), "set BLESS_SCHEMA to write it");
    }
}
