//! What can be changed.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use herd_places::LatLng;
use sqlx::AnyConnection;

use super::costs::HEAVY;
use super::patience::Patience;
use super::types::{PositionInput, PostNode, Session, UserNode, app, database, rfc3339, viewer};
use crate::Error;
use crate::accounts::{self, User};
use crate::app::Caller;
use crate::ids::now_ms;
use crate::page;
use crate::passwords::Passwords;
use crate::posts::{self, NewPost};
use crate::sessions::{self, NewSession};
use crate::{attempts, cookies, relations, wording};

pub(crate) struct Mutation;

#[Object]
impl Mutation {
    /// Makes an account and logs in: the token is for `Authorization: Bearer`, browsers get it as a cookie.
    #[graphql(complexity = "HEAVY + child_complexity")]
    async fn sign_up(
        &self,
        context: &Context<'_>,
        name: String,
        password: String,
        display_name: Option<String>,
    ) -> Result<Session, Error> {
        let app = app(context);
        let address = context.data_unchecked::<Caller>().address;
        let display_name =
            display_name.as_deref().map_or_else(|| Ok(name.clone()), wording::display_name)?;
        Passwords::check(&password)?;
        accounts::check_name(&name)?;
        // The database has its turn then, too: a crowd does not come to it at once.
        let turn = patience(context).while_waiting(app.passwords.turn_to_sign_up(address)).await?;
        accounts::check_free(&mut *database(context).read().await?, &name).await?;
        let password_hash = app.passwords.hash(turn, password).await?;
        let created_at = now_ms();
        let id = app.ids.next(created_at);
        let user = User { id, name, display_name, bio: String::new(), created_at };
        let mut transaction = database(context).write().await?;
        accounts::create(&mut transaction, &user, &password_hash).await?;
        let session = sessions::create(&mut transaction, id, created_at).await?;
        transaction.commit().await?;
        Ok(logged_in(context, session, user))
    }

    #[graphql(complexity = "HEAVY + child_complexity")]
    async fn log_in(
        &self,
        context: &Context<'_>,
        name: String,
        password: String,
    ) -> Result<Session, Error> {
        let app = app(context);
        let address = context.data_unchecked::<Caller>().address;
        let turn = patience(context).while_waiting(app.passwords.turn_to_log_in(address)).await?;
        let mut db = database(context).read().await?;
        let attempt = attempts::begin(&mut db, &app.ids, &name, address, now_ms()).await?;
        let known = accounts::credentials(&mut db, &name).await?;
        // Others may use it meanwhile.
        drop(db);
        let (id, password_hash) = known.unzip();
        let is_right = app.passwords.is_right(turn, password, password_hash).await;
        let mut transaction = database(context).write().await?;
        let Some(id) = id.filter(|_| is_right) else {
            attempts::fail(&mut transaction, &attempt, now_ms()).await?;
            transaction.commit().await?;
            return Err(Error::WrongPassword);
        };
        attempts::succeed(&mut transaction, &attempt).await?;
        let session = sessions::create(&mut transaction, id, now_ms()).await?;
        let user = user(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(logged_in(context, session, user))
    }

    /// Ends this session; false where there was none.
    async fn log_out(&self, context: &Context<'_>) -> Result<bool, Error> {
        let is_https = context.data_unchecked::<Caller>().is_https;
        context.append_http_header("set-cookie", cookies::none(is_https));
        let Some(token) = viewer(context).token() else { return Ok(false) };
        let mut transaction = database(context).write().await?;
        sessions::end(&mut transaction, token).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn update_profile(
        &self,
        context: &Context<'_>,
        display_name: Option<String>,
        bio: Option<String>,
    ) -> Result<UserNode, Error> {
        let me = viewer(context).user()?;
        let display_name = display_name.as_deref().map(wording::display_name).transpose()?;
        let bio = bio.as_deref().map(wording::bio).transpose()?;
        let mut transaction = database(context).write().await?;
        accounts::update_profile(&mut transaction, me, display_name, bio).await?;
        let user = user(&mut transaction, me).await?;
        transaction.commit().await?;
        Ok(user.into())
    }

    async fn follow(&self, context: &Context<'_>, name: String) -> Result<UserNode, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        let user = relations::follow(&mut transaction, me, &name, now_ms()).await?;
        transaction.commit().await?;
        Ok(user.into())
    }

    async fn unfollow(&self, context: &Context<'_>, name: String) -> Result<UserNode, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        let user = relations::unfollow(&mut transaction, me, &name).await?;
        transaction.commit().await?;
        Ok(user.into())
    }

    /// Neither sees the other any more, and neither follows the other any more. The answer shows the name alone.
    async fn block(&self, context: &Context<'_>, name: String) -> Result<UserNode, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        let id = relations::block(&mut transaction, me, &name, now_ms()).await?;
        let user = user(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(UserNode::veiled(user))
    }

    /// Takes my block back; if they block me too, the answer shows the name alone.
    async fn unblock(&self, context: &Context<'_>, name: String) -> Result<UserNode, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        let id = relations::unblock(&mut transaction, me, &name).await?;
        let seen = accounts::visible_by_name(&mut transaction, me, &name).await?;
        let user = user(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(seen.map_or_else(|| UserNode::veiled(user), Into::into))
    }

    async fn post(
        &self,
        context: &Context<'_>,
        text: String,
        position: Option<PositionInput>,
        reply_to: Option<ID>,
    ) -> Result<PostNode, Error> {
        let author_id = viewer(context).user()?;
        let app = app(context);
        let text = wording::post_text(&text, app.post_characters)?;
        let position = position.map(LatLng::try_from).transpose()?;
        let reply_to = reply_to.as_ref().map(post_id).transpose()?;
        let new = NewPost { author_id, text, position, reply_to };
        let mut transaction = database(context).write().await?;
        let post = posts::create(&mut transaction, &app.ids, new, now_ms()).await?;
        app.events.before_commit(&mut transaction, &post).await?;
        transaction.commit().await?;
        app.events.after_commit(&post);
        Ok(post.into())
    }

    /// Deletes a post of mine, or takes a repost of mine back.
    async fn delete_post(&self, context: &Context<'_>, id: ID) -> Result<ID, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        posts::delete(&mut transaction, me, post_id(&id)?).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Shows a post of somebody to my followers; once, however often it is asked. The answer is that post.
    async fn repost(&self, context: &Context<'_>, id: ID) -> Result<PostNode, Error> {
        let me = viewer(context).user()?;
        let app = app(context);
        let mut transaction = database(context).write().await?;
        let id = post_id(&id)?;
        let (post, repost) = posts::repost(&mut transaction, &app.ids, me, id, now_ms()).await?;
        if let Some(repost) = &repost {
            app.events.before_commit(&mut transaction, repost).await?;
        }
        transaction.commit().await?;
        if let Some(repost) = repost {
            app.events.after_commit(&repost);
        }
        Ok(post.into())
    }

    /// The answer is the post that I no longer show, or null where it is hidden from me by now.
    async fn undo_repost(&self, context: &Context<'_>, id: ID) -> Result<Option<PostNode>, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        let post = posts::undo_repost(&mut transaction, me, post_id(&id)?).await?;
        transaction.commit().await?;
        Ok(post.map(Into::into))
    }

    /// The answer is the post that I like: of a repost the one it shows.
    async fn like(&self, context: &Context<'_>, id: ID) -> Result<PostNode, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        let post = posts::like(&mut transaction, me, post_id(&id)?, now_ms()).await?;
        transaction.commit().await?;
        Ok(post.into())
    }

    async fn unlike(&self, context: &Context<'_>, id: ID) -> Result<PostNode, Error> {
        let me = viewer(context).user()?;
        let mut transaction = database(context).write().await?;
        let post = posts::unlike(&mut transaction, me, post_id(&id)?).await?;
        transaction.commit().await?;
        Ok(post.into())
    }
}

fn patience<'c>(context: &Context<'c>) -> &'c Arc<Patience> {
    context.data_unchecked()
}

fn logged_in(context: &Context<'_>, session: NewSession, user: User) -> Session {
    let is_https = context.data_unchecked::<Caller>().is_https;
    context.append_http_header("set-cookie", cookies::with(&session.token, is_https));
    Session { token: session.token, expires_at: rfc3339(session.expires_at), user: user.into() }
}

async fn user(db: &mut AnyConnection, id: i64) -> Result<User, Error> {
    accounts::by_ids(db, &[id]).await?.remove(&id).ok_or(Error::NotFound("user"))
}

fn post_id(id: &ID) -> Result<i64, Error> {
    page::id(id).ok_or(Error::NotFound("post"))
}
