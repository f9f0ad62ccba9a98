//! Social networks: posts, mentions, comments, messages, leads, and other reports.

use serde_json::Value;

use super::report::{Delivery, Report, first, text};

const POST: &str = "social.post";
const MENTION: &str = "social.mention";
const COMMENT: &str = "social.comment";
const MESSAGE: &str = "social.message";
const LEAD: &str = "social.lead";
const OTHER: &str = "social.other";

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Facebook, Instagram and WhatsApp have one format.
pub(super) fn meta(delivery: &Delivery<'_>) -> Vec<Report> {
    let mut all = Vec::new();
    for entry in list(&delivery.body["entry"]) {
        for change in list(&entry["changes"]) {
            let of_whatsapp = whatsapp(change);
            if of_whatsapp.is_empty() {
                all.push(meta_change(entry, change));
            }
            all.extend(of_whatsapp);
        }
        all.extend(list(&entry["messaging"]).iter().map(meta_message));
    }
    all
}

/// A change of WhatsApp has several messages, and statuses of other messages.
fn whatsapp(change: &Value) -> Vec<Report> {
    let value = &change["value"];
    let field = text(change, "/field").unwrap_or_default();
    let messages = list(&value["messages"]).iter().map(|message| {
        let about = text(message, "/id");
        let id = about.as_ref().map(|about| format!("{field}:{about}"));
        Report::new(field.as_str(), id)
            .raises(MESSAGE)
            .about(about)
            .with("from", text(message, "/from"))
            .with("text", text(message, "/text/body"))
    });
    let statuses = list(&value["statuses"]).iter().map(|status| {
        let about = text(status, "/id");
        let became = text(status, "/status").unwrap_or_default();
        let to = text(status, "/recipient_id").unwrap_or_default();
        let time = text(status, "/timestamp").unwrap_or_default();
        let id = about
            .as_ref()
            .map(|about| format!("statuses:{about}:{became}:{to}:{time}"));
        Report::new("statuses", id)
            .raises(OTHER)
            .about(about)
            .with("to", Some(to))
            .with("status", Some(became))
    });
    messages.chain(statuses).collect()
}

fn meta_change(entry: &Value, change: &Value) -> Report {
    let value = &change["value"];
    let field = text(change, "/field").unwrap_or_default();
    let item = text(value, "/item").unwrap_or_default();
    let kind = match (field.as_str(), item.as_str()) {
        ("mention" | "mentions", _) => MENTION,
        ("comments" | "live_comments", _) | ("feed", "comment") => COMMENT,
        ("feed", "post" | "status" | "photo" | "video" | "share" | "link") => POST,
        ("messages", _) => MESSAGE,
        ("leadgen", _) => LEAD,
        _ => OTHER,
    };
    let about = ["/leadgen_id", "/comment_id", "/id", "/post_id", "/media_id"];
    let about = first(value, &about);
    let verb = text(value, "/verb").unwrap_or_default();
    let time = text(entry, "/time").unwrap_or_default();
    let person = text(value, "/from/id").unwrap_or_default();
    // Meta's deliveries have no id, so one is built from what changed, how, by which user and when.
    let id = about
        .as_ref()
        .map(|about| format!("{field}:{item}:{about}:{verb}:{person}:{time}"));
    let event = if item.is_empty() {
        field
    } else {
        format!("{field}.{item}")
    };
    Report::new(event, id)
        .raises(kind)
        .about(about)
        .with(
            "from",
            first(
                value,
                &["/from/name", "/from/username", "/sender_name", "/from/id"],
            ),
        )
        .with("text", first(value, &["/message", "/text"]))
        .with("postId", text(value, "/post_id"))
}

fn meta_message(message: &Value) -> Report {
    let mid = text(message, "/message/mid");
    let kind = if mid.is_some() { MESSAGE } else { OTHER };
    Report::new("messages", mid.or_else(|| unnamed(message)))
        .raises(kind)
        .with("from", text(message, "/sender/id"))
        .with("text", text(message, "/message/text"))
}

/// An id for a message without one of Meta's: sender, recipient, time and type (`read`, `postback`).
fn unnamed(message: &Value) -> Option<String> {
    let time = text(message, "/timestamp")?;
    let party = |who: &str| text(message, &format!("/{who}/id")).unwrap_or_default();
    let (sender, recipient) = (party("sender"), party("recipient"));
    let parts = message.as_object()?.keys();
    let what: Vec<&str> = parts
        .map(String::as_str)
        .filter(|part| !matches!(*part, "sender" | "recipient" | "timestamp"))
        .collect();
    Some(format!("{sender}:{recipient}:{time}:{}", what.join(",")))
}

pub(super) fn slack(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    if let Some(command) = text(body, "/command") {
        let report = Report::new(command, text(body, "/trigger_id"))
            .raises(OTHER)
            .with("from", text(body, "/user_id"))
            .with("text", text(body, "/text"));
        return vec![report];
    }
    let event = first(body, &["/event/type", "/type"]).unwrap_or_default();
    let kind = match event.as_str() {
        "app_mention" => MENTION,
        "message" => MESSAGE,
        _ => OTHER,
    };
    let report = Report::new(event, text(body, "/event_id"))
        .raises(kind)
        .with("from", text(body, "/event/user"))
        .with("text", text(body, "/event/text"))
        .with("channel", text(body, "/event/channel"));
    vec![report]
}

pub(super) fn discord(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    let event = first(body, &["/event/type", "/data/name"]).unwrap_or_default();
    let report = Report::new(event, text(body, "/id"))
        .raises(OTHER)
        .with(
            "from",
            first(
                body,
                &[
                    "/member/user/username",
                    "/user/username",
                    "/event/data/user/username",
                ],
            ),
        )
        .with("channel", text(body, "/channel_id"));
    vec![report]
}

pub(super) fn twitch(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    let event = text(body, "/subscription/type").unwrap_or_default();
    let kind = match event.as_str() {
        "channel.chat.message" | "user.whisper.message" => MESSAGE,
        _ => OTHER,
    };
    let id = delivery.header("twitch-eventsub-message-id");
    let report = Report::new(event, id)
        .raises(kind)
        .with(
            "from",
            first(
                body,
                &[
                    "/event/user_name",
                    "/event/chatter_user_name",
                    "/event/from_user_name",
                    "/event/broadcaster_user_name",
                ],
            ),
        )
        .with(
            "text",
            first(body, &["/event/message/text", "/event/whisper/text"]),
        );
    vec![report]
}

pub(super) fn twitter(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    let own = text(body, "/for_user_id").unwrap_or_default();
    let mut all: Vec<Report> = list(&body["tweet_create_events"])
        .iter()
        .map(|tweet| tweeted(tweet, &own))
        .collect();
    all.extend(list(&body["direct_message_events"]).iter().map(|message| {
        Report::new("direct_message_events", text(message, "/id"))
            .raises(MESSAGE)
            .with("from", text(message, "/message_create/sender_id"))
            .with("text", text(message, "/message_create/message_data/text"))
    }));
    if all.is_empty() {
        let keys = body.as_object().into_iter().flat_map(|body| body.keys());
        let event = keys.into_iter().find(|key| key.ends_with("_events"));
        all.push(Report::new(event.map_or("unknown", |event| event), None).raises(OTHER));
    }
    all
}

fn tweeted(tweet: &Value, own: &str) -> Report {
    let mentions = list(&tweet["entities"]["user_mentions"]);
    let kind = if tweet["user"]["id_str"] == own {
        POST
    } else if tweet["in_reply_to_user_id_str"] == own {
        COMMENT
    } else if mentions.iter().any(|user| user["id_str"] == own) {
        MENTION
    } else {
        OTHER
    };
    Report::new("tweet_create_events", text(tweet, "/id_str"))
        .raises(kind)
        .with("from", text(tweet, "/user/screen_name"))
        .with("text", text(tweet, "/text"))
}

pub(super) fn linkedin(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    let event = text(body, "/type").unwrap_or_default();
    if event == "LEAD_ACTION" {
        let response = text(body, "/leadGenFormResponse");
        let action = text(body, "/leadAction").unwrap_or_default();
        let id = response
            .as_ref()
            .map(|response| format!("{response}:{action}"));
        let report = Report::new(event, id).raises(LEAD).about(response);
        return vec![report.with("form", text(body, "/leadGenForm"))];
    }
    let notifications = list(&body["notifications"]).iter();
    notifications
        .map(|notification| {
            let action = text(notification, "/action").unwrap_or_default();
            let kind = match action.as_str() {
                "COMMENT" | "ADMIN_COMMENT" => COMMENT,
                "SHARE" => POST,
                _ if action.contains("MENTION") => MENTION,
                _ => OTHER,
            };
            let comment = "/decoratedGeneratedActivity/comment";
            Report::new(action, text(notification, "/notificationId"))
                .raises(kind)
                .with("from", text(notification, &format!("{comment}/owner")))
                .with("text", text(notification, &format!("{comment}/text")))
                .with("postId", text(notification, "/sourcePost"))
        })
        .collect()
}

pub(super) fn tiktok(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    let event = text(body, "/event").unwrap_or_default();
    let kind = match event.as_str() {
        "video.publish.completed" => POST,
        "comment.update" => COMMENT,
        _ => OTHER,
    };
    let content = text(body, "/content").unwrap_or_default();
    let inner: Value = serde_json::from_str(&content).unwrap_or_default();
    let user = text(body, "/user_openid").unwrap_or_default();
    let time = text(body, "/create_time").unwrap_or_default();
    // TikTok's deliveries have no id.
    let id = format!("{event}:{user}:{time}:{content}");
    let report = Report::new(event, Some(id))
        .raises(kind)
        .about(first(&inner, &["/share_id", "/publish_id"]).or(Some(format!("{user}-{time}"))))
        .with("from", Some(user));
    vec![report]
}

/// A completed lead form of Google Ads, Snapchat or Pinterest.
pub(super) fn lead_form(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    let columns = list(&body["user_column_data"])
        .iter()
        .chain(list(&body["fields"]));
    let answer = |wanted: &str| {
        let mut found = columns.clone().filter(|column| {
            let name = first(column, &["/column_id", "/name"]).unwrap_or_default();
            name.eq_ignore_ascii_case(wanted)
        });
        first(found.next()?, &["/string_value", "/value"])
    };
    let mut answers = list(&body["answers"]).iter().filter_map(Value::as_str);
    let email =
        answer("EMAIL").or_else(|| answers.find(|text| text.contains('@')).map(str::to_owned));
    let report = Report::new("lead", text(body, "/lead_id"))
        .raises(LEAD)
        .with("email", email)
        .with("from", answer("FULL_NAME"))
        .with("form", first(body, &["/form_id", "/lead_form_id"]))
        .with("campaignId", first(body, &["/campaign_id", "/ad_id"]));
    vec![report]
}

pub(super) fn reddit(delivery: &Delivery<'_>) -> Vec<Report> {
    let body = &delivery.body;
    let event = text(body, "/kind").unwrap_or_default();
    let kind = match event.as_str() {
        "t1" => COMMENT,
        "t3" => POST,
        "t4" => MESSAGE,
        _ => OTHER,
    };
    let report = Report::new(event, text(body, "/data/name"))
        .raises(kind)
        .with("from", text(body, "/data/author"))
        .with("text", first(body, &["/data/title", "/data/body"]));
    vec![report]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::read;
    use super::*;

    #[test]
    fn changes_of_meta_raise_different_events() {
        let kind = |field: &str, item: &str| {
            let change = json!({"field": field, "value": {"item": item, "post_id": "1"}});
            read("facebook", meta, json!({"entry": [{"changes": [change]}]}))[0].kind
        };
        assert_eq!(kind("feed", "post"), Some(POST));
        assert_eq!(kind("feed", "comment"), Some(COMMENT));
        assert_eq!(kind("feed", "reaction"), Some(OTHER));
        assert_eq!(kind("mention", "post"), Some(MENTION));
        assert_eq!(kind("leadgen", ""), Some(LEAD));
        let message = json!({"sender": {"id": "2"}, "message": {"mid": "m", "text": "Hi"}});
        let report = read(
            "facebook",
            meta,
            json!({"entry": [{"messaging": [message]}]}),
        );
        assert_eq!(report[0].kind, Some(MESSAGE));
    }

    fn ids(entry: Value) -> Vec<Option<String>> {
        let report = read("facebook", meta, json!({"entry": [entry]}));
        report.into_iter().map(|report| report.id).collect()
    }

    #[test]
    fn changes_at_the_same_time_have_different_ids() {
        let change = |item: &str, person: &str| {
            json!({"field": "feed", "value": {
                "item": item, "verb": "add", "post_id": "1", "from": {"id": person},
            }})
        };
        let changes = [
            change("reaction", "7"),
            change("reaction", "8"),
            change("photo", "7"),
            change("photo", "7"),
        ];
        let ids = ids(json!({"time": 5, "changes": changes}));
        assert!(ids.iter().all(Option::is_some), "{ids:?}");
        assert_ne!(ids[0], ids[1]);
        assert_ne!(ids[0], ids[2]);
        assert_eq!(ids[2], ids[3]);
    }

    #[test]
    fn each_message_and_each_status_of_whatsapp_is_reported() {
        let value = json!({
            "messages": [
                {"from": "1", "id": "wamid.a", "text": {"body": "Hi"}},
                {"from": "2", "id": "wamid.b", "text": {"body": "Ho"}},
            ],
            "statuses": [
                {"id": "wamid.c", "status": "sent", "timestamp": "3"},
                {"id": "wamid.c", "status": "read", "timestamp": "3"},
            ],
        });
        let change = json!({"field": "messages", "value": value});
        let report = read("facebook", meta, json!({"entry": [{"changes": [change]}]}));
        let kinds: Vec<_> = report.iter().map(|report| report.kind.unwrap()).collect();
        assert_eq!(kinds, [MESSAGE, MESSAGE, OTHER, OTHER]);
        assert_eq!(report[1].about.as_deref(), Some("wamid.b"));
        assert_eq!(report[1].fields["text"], json!("Ho"));
        let mut ids: Vec<_> = report
            .iter()
            .map(|report| report.id.clone().unwrap())
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 4, "{ids:?}");
    }

    #[test]
    fn a_message_without_an_id_gets_one() {
        let of = |what: &str, time: u64| {
            let mut message = json!({
                "sender": {"id": "2"}, "recipient": {"id": "1"}, "timestamp": time,
            });
            message[what] = json!({});
            ids(json!({"messaging": [message]})).remove(0).unwrap()
        };
        assert_eq!(of("read", 5), "2:1:5:read");
        assert_ne!(of("read", 5), of("read", 6));
        assert_ne!(of("read", 5), of("delivery", 5));
    }

    #[test]
    fn a_users_own_tweet_is_a_post_and_another_a_mention() {
        let kind = |author: &str| {
            let tweet = json!({
                "id_str": "1", "user": {"id_str": author},
                "entities": {"user_mentions": [{"id_str": "9"}]},
            });
            let body = json!({"for_user_id": "9", "tweet_create_events": [tweet]});
            read("twitter", twitter, body)[0].kind
        };
        assert_eq!(kind("9"), Some(POST));
        assert_eq!(kind("7"), Some(MENTION));
    }

    #[test]
    fn a_lead_of_every_vendor_has_its_email_address() {
        let bodies = [
            json!({"lead_id": "1", "user_column_data": [{"column_id": "EMAIL", "string_value": "ada@example.test"}]}),
            json!({"lead_id": "1", "fields": [{"name": "EMAIL", "value": "ada@example.test"}]}),
            json!({"answers": ["Ada", "ada@example.test"]}),
        ];
        for body in bodies {
            let report = read("google-ads", lead_form, body).remove(0);
            assert_eq!(report.fields["email"], json!("ada@example.test"));
        }
    }
}
