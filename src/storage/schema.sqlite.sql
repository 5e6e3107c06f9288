-- What the migrations make; `npm run schema` writes this file anew.

create table batches (
  seq integer not null,
  id text not null,
  source text not null,
  wish text not null,
  exclude text not null,
  options text not null,
  credentials_id integer,
  listed integer not null,
  listing_link text,
  error_code text,
  error_message text,
  created_at text not null,
  primary key (seq),
  unique (id),
  foreign key (credentials_id) references credentials(id)
);

create table blobs (
  sha256 text not null,
  size integer not null,
  primary key (sha256)
);

create table credentials (
  id integer not null,
  fingerprint text not null,
  sealed text not null,
  created_at text not null,
  primary key (id),
  unique (fingerprint)
);

create table email_attachments (
  mailbox_id integer not null,
  email_id text not null,
  ordinal integer not null,
  attachment_id text not null,
  attachment_name text,
  content_type text,
  size integer not null,
  is_inline integer not null,
  content_id text,
  kind text not null,
  last_modified_date_time text,
  sha256 text,
  content_size integer,
  primary key (mailbox_id, email_id, ordinal),
  foreign key (mailbox_id) references mailboxes(id)
);

create table email_contents (
  mailbox_id integer not null,
  email_id text not null,
  attachments text not null,
  attachments_pending text not null,
  mime text not null,
  mime_pending integer not null,
  pending integer not null,
  mime_sha256 text,
  mime_size integer,
  mime_error text,
  primary key (mailbox_id, email_id),
  foreign key (mailbox_id) references mailboxes(id)
);

create table emails (
  row integer not null,
  mailbox_id integer not null,
  id text not null,
  parent_folder_id text not null,
  change_key text,
  message_type text not null,
  subject text,
  received_date_time text,
  sent_date_time text,
  created_date_time text,
  last_modified_date_time text,
  is_read integer not null,
  is_draft integer not null,
  has_attachments integer not null,
  importance text,
  conversation_id text,
  internet_message_id text,
  categories text not null,
  flag text,
  inference_classification text,
  removed_at text,
  body_type text,
  body_kept text not null,
  web_link text,
  body_preview text,
  recipients text not null,
  internet_message_headers text,
  body text,
  body_text text,
  in_folder_since text,
  primary key (row),
  foreign key (mailbox_id) references mailboxes(id)
);

create table extractions (
  seq integer not null,
  id text not null,
  connection_id text not null,
  batch_id text,
  user_upn text not null,
  mailbox_key text not null,
  mailbox_id integer,
  credentials_id integer,
  options text not null,
  status text not null,
  epoch integer not null default 0,
  fair_tag integer not null,
  crashes integer not null default 0,
  created_at text not null,
  started_at text,
  completed_at text,
  error_code text,
  error_message text,
  waiting_for text,
  folders_total integer not null default 0,
  folders_done integer not null default 0,
  messages_total integer not null default 0,
  messages_covered integer not null default 0,
  messages_listed integer not null default 0,
  messages_stored integer not null default 0,
  messages_unchanged integer not null default 0,
  messages_removed integer not null default 0,
  messages_skipped integer not null default 0,
  attachments_total integer not null default 0,
  attachments_stored integer not null default 0,
  bytes_stored integer not null default 0,
  requests integer not null default 0,
  retries integer not null default 0,
  throttled_ms integer not null default 0,
  active_ms integer not null default 0,
  messages_unlisted integer,
  attachments_skipped integer not null default 0,
  address_key text not null default '',
  primary key (seq),
  unique (id),
  foreign key (batch_id) references batches(id),
  foreign key (credentials_id) references credentials(id),
  foreign key (mailbox_id) references mailboxes(id)
);

create table folders (
  mailbox_id integer not null,
  id text not null,
  parent_folder_id text,
  display_name text not null,
  path text not null,
  is_hidden integer not null,
  is_recoverable integer not null,
  total_item_count integer not null,
  removed_at text,
  primary key (mailbox_id, id),
  foreign key (mailbox_id) references mailboxes(id)
);

create table lanes (
  mailbox_id integer not null,
  folder_id text not null,
  body text not null,
  source text not null,
  content text not null,
  at text not null,
  link text,
  extraction_id text not null,
  done integer not null,
  expected integer not null,
  listed_by_graph integer,
  listed integer not null,
  stored integer not null,
  unchanged integer not null,
  removed integer not null,
  skipped integer not null,
  rewalks integer not null default 0,
  attachments text not null default 'none',
  mime integer not null default 0,
  filling integer not null default 0,
  received text not null default '[{"from":null,"before":null}]',
  wanted text not null default '[{"from":null,"before":null}]',
  primary key (mailbox_id, folder_id),
  foreign key (mailbox_id) references mailboxes(id)
);

create table mailboxes (
  id integer not null,
  object_id text not null,
  user_upn text not null,
  created_at text not null,
  folders_walked_at text,
  primary key (id),
  unique (object_id)
);

create table ranges (
  mailbox_id integer not null,
  folder_id text not null,
  number integer not null,
  from_time text not null,
  before_time text not null,
  link text,
  primary key (mailbox_id, folder_id, number),
  foreign key (mailbox_id) references mailboxes(id)
);

create table skipped_emails (
  mailbox_id integer not null,
  message_id text not null,
  part text not null,
  folder_id text not null,
  code text not null,
  reason text not null,
  attempts integer not null,
  first_seen text not null,
  last_seen text not null,
  reopened integer not null default 0,
  primary key (mailbox_id, message_id, part),
  foreign key (mailbox_id) references mailboxes(id)
);

create table walked_messages (
  mailbox_id integer not null,
  folder_id text not null,
  message_id text not null,
  change_key text,
  primary key (mailbox_id, folder_id, message_id),
  foreign key (mailbox_id) references mailboxes(id)
) without rowid;

create index email_attachments_blob on email_attachments (sha256) where sha256 is not null;

create index email_contents_mime on email_contents (mime_sha256) where mime_sha256 is not null;

create index email_contents_partial on email_contents (mailbox_id, attachments) where attachments <> 'content';

create index email_contents_pending on email_contents (mailbox_id, email_id) where pending = 1;

create unique index emails_by_id on emails (mailbox_id, id);

create index emails_live on emails (mailbox_id, parent_folder_id) where removed_at is null;

create index emails_newest on emails (mailbox_id, coalesce(received_date_time, ''), "row");

create index extractions_by_batch on extractions (batch_id, status, seq) where batch_id is not null;

create index extractions_by_connection on extractions (connection_id, seq);

create unique index extractions_one_open_per_connection on extractions (connection_id) where status not in ('completed', 'cancelled', 'failed');

create unique index extractions_one_worker_per_mailbox on extractions (mailbox_key) where status in ('in_progress', 'pausing', 'cancelling');

create index extractions_queue on extractions (fair_tag, seq) where status = 'queued';

create view email_recipients as select emails.mailbox_id, emails.id as email_id, json_extract(recipient.value, '$.recipient_type') as recipient_type, json_extract(recipient.value, '$.email_address') as email_address, json_extract(recipient.value, '$.name') as name from emails, json_each(emails.recipients) as recipient;
