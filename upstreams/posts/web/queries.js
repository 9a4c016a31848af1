// The GraphQL documents of the client.

const USER = `
  fragment UserParts on User {
    id name displayName bio createdAt postCount followerCount followingCount isFollowed followsMe isBlocked
  }`;

const POST = `
  fragment BarePost on Post {
    id text createdAt likeCount repostCount replyCount isLiked isReposted
    position { latitude longitude }
    author { id name displayName }
    replyTo { id author { name displayName } }
  }
  fragment PostParts on Post { ...BarePost repostOf { ...BarePost } }`;

const PAGE_INFO = "pageInfo { endCursor hasNextPage }";
const POSTS = `nodes { ...PostParts } ${PAGE_INFO}`;
const USERS = `nodes { ...UserParts } ${PAGE_INFO}`;

export const ME = `query Me { me { id name displayName bio } postCharacters }`;

export const SIGN_UP = `
  mutation SignUp($name: String!, $password: String!, $displayName: String) {
    signUp(name: $name, password: $password, displayName: $displayName) { user { id name displayName bio } }
  }`;
export const LOG_IN = `
  mutation LogIn($name: String!, $password: String!) {
    logIn(name: $name, password: $password) { user { id name displayName bio } }
  }`;
export const LOG_OUT = `mutation LogOut { logOut }`;

export const LATEST = `query Latest($after: String) { page: posts(after: $after) { ${POSTS} } } ${POST}`;
export const FEED = `query Feed($after: String) { page: feed(after: $after) { ${POSTS} } } ${POST}`;
export const MENTIONS = `query Mentions($after: String) { page: mentions(after: $after) { ${POSTS} } } ${POST}`;
export const TAGGED = `
  query Tagged($tag: String!, $after: String) { page: tagged(tag: $tag, after: $after) { ${POSTS} } } ${POST}`;
export const SEARCH = `
  query Search($query: String!, $near: Circle, $after: String) {
    page: search(query: $query, near: $near, after: $after) { ${POSTS} }
  } ${POST}`;
export const TRENDING = `query Trending { trending { tag postCount userCount } }`;

export const ONE_POST = `
  query OnePost($id: ID!) { post(id: $id) { ...PostParts } } ${POST}`;
export const REPLIES = `
  query Replies($id: ID!, $after: String) { post(id: $id) { page: replies(after: $after) { ${POSTS} } } } ${POST}`;

export const PROFILE = `query Profile($name: String!) { user(name: $name) { ...UserParts } } ${USER}`;
export const POSTS_OF = `
  query PostsOf($name: String!, $after: String) { user(name: $name) { page: posts(after: $after) { ${POSTS} } } } ${POST}`;
export const FOLLOWERS = `
  query Followers($name: String!, $after: String) {
    user(name: $name) { page: followers(after: $after) { ${USERS} } }
  } ${USER}`;
export const FOLLOWING = `
  query Following($name: String!, $after: String) {
    user(name: $name) { page: following(after: $after) { ${USERS} } }
  } ${USER}`;
export const BLOCKED = `
  query Blocked($after: String) { page: blocked(after: $after) { nodes { id name } ${PAGE_INFO} } }`;

export const WRITE = `
  mutation Write($text: String!, $position: PositionInput, $replyTo: ID) {
    post(text: $text, position: $position, replyTo: $replyTo) { ...PostParts }
  } ${POST}`;
export const DELETE = `mutation Delete($id: ID!) { deletePost(id: $id) }`;
export const LIKE = `mutation Like($id: ID!) { post: like(id: $id) { likeCount isLiked } }`;
export const UNLIKE = `mutation Unlike($id: ID!) { post: unlike(id: $id) { likeCount isLiked } }`;
export const REPOST = `mutation Repost($id: ID!) { post: repost(id: $id) { id } }`;
export const UNDO_REPOST = `mutation UndoRepost($id: ID!) { post: undoRepost(id: $id) { id } }`;

export const FOLLOW = `mutation Follow($name: String!) { user: follow(name: $name) { ...UserParts } } ${USER}`;
export const UNFOLLOW = `mutation Unfollow($name: String!) { user: unfollow(name: $name) { ...UserParts } } ${USER}`;
export const BLOCK = `mutation Block($name: String!) { user: block(name: $name) { ...UserParts } } ${USER}`;
export const UNBLOCK = `mutation Unblock($name: String!) { user: unblock(name: $name) { ...UserParts } } ${USER}`;
export const UPDATE_PROFILE = `
  mutation UpdateProfile($displayName: String, $bio: String) {
    user: updateProfile(displayName: $displayName, bio: $bio) { ...UserParts }
  } ${USER}`;

export const NEW_POSTS = `subscription NewPosts($tag: String) { post: posts(tag: $tag) { ...PostParts } } ${POST}`;
export const NEW_IN_FEED = `subscription NewInFeed { post: feed { ...PostParts } } ${POST}`;
