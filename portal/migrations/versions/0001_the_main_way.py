"""the main way: catalogue to inbox"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "center_events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'parked')", name=op.f("ck_center_events_state")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_center_events")),
        sa.UniqueConstraint("id", name=op.f("uq_center_events_id")),
    )
    op.create_index(
        "ix_center_events_subject",
        "center_events",
        ["subject", "position"],
        unique=False,
        sqlite_where=sa.text("state <> 'sent'"),
        postgresql_where=sa.text("state <> 'sent'"),
    )
    op.create_index(
        "ix_center_events_waiting",
        "center_events",
        ["available_at", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "center_messages",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_center_messages")),
    )
    op.create_table(
        "center_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_number", sa.String(length=20), nullable=False),
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("service_code", sa.String(length=60), nullable=False),
        sa.Column("service_title", sa.JSON(), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("applicant_name", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("resume_state", sa.String(length=30), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("notice", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("incoming_number", sa.Integer(), nullable=True),
        sa.Column("incoming_year", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_center_requests")),
        sa.UniqueConstraint(
            "center_code",
            "incoming_year",
            "incoming_number",
            name=op.f("uq_center_requests_center_code_incoming_year_incoming_number"),
        ),
        sa.UniqueConstraint("request_number", name=op.f("uq_center_requests_request_number")),
    )
    op.create_index(
        "ix_center_requests_queue",
        "center_requests",
        ["center_code", "open", "due_on", "id"],
        unique=False,
    )
    op.create_table(
        "center_serials",
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("center_code", "year", name=op.f("pk_center_serials")),
    )
    op.create_table(
        "citizens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("national_id", sa.LargeBinary(), nullable=False),
        sa.Column("national_id_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mobile", sa.LargeBinary(), nullable=False),
        sa.Column("mobile_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_citizens")),
        sa.UniqueConstraint(
            "national_id_index",
            "mobile_index",
            name=op.f("uq_citizens_national_id_index_mobile_index"),
        ),
    )
    op.create_table(
        "failed_sign_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_sign_ins")),
    )
    op.create_index("ix_failed_sign_ins_key", "failed_sign_ins", ["key_hash", "at"], unique=False)
    op.create_table(
        "holidays",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("governorate", sa.String(length=8), nullable=False),
        sa.Column("name_ar", sa.String(length=120), nullable=False),
        sa.Column("name_en", sa.String(length=120), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holidays")),
    )
    op.create_index(
        "uq_holidays_in_force",
        "holidays",
        ["day", "governorate"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "inward_events",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('applied', 'waiting', 'parked')", name=op.f("ck_inward_events_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inward_events")),
    )
    op.create_index("ix_inward_events_subject", "inward_events", ["subject", "state"], unique=False)
    op.create_table(
        "one_time_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("national_id", sa.LargeBinary(), nullable=True),
        sa.Column("national_id_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("mobile", sa.LargeBinary(), nullable=False),
        sa.Column("mobile_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("request_number", sa.String(length=20), nullable=True),
        sa.Column("address_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("next_path", sa.String(length=300), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_codes")),
    )
    op.create_index(
        "ix_one_time_codes_address", "one_time_codes", ["address_hash", "created_at"], unique=False
    )
    op.create_index(
        op.f("ix_one_time_codes_browser_hash"), "one_time_codes", ["browser_hash"], unique=False
    )
    op.create_index(
        "ix_one_time_codes_mobile", "one_time_codes", ["mobile_index", "created_at"], unique=False
    )
    op.create_index(
        "ix_one_time_codes_national_id",
        "one_time_codes",
        ["national_id_index", "created_at"],
        unique=False,
    )
    op.create_table(
        "outbox_messages",
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'parked')", name=op.f("ck_outbox_messages_state")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox_messages")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_messages_id")),
    )
    op.create_index(
        "ix_outbox_messages_subject",
        "outbox_messages",
        ["subject", "position"],
        unique=False,
        sqlite_where=sa.text("state <> 'sent'"),
        postgresql_where=sa.text("state <> 'sent'"),
    )
    op.create_index(
        "ix_outbox_messages_unanswered",
        "outbox_messages",
        ["sent_at"],
        unique=False,
        sqlite_where=sa.text("answered_at IS NULL AND type = 'request.paid.v1'"),
        postgresql_where=sa.text("answered_at IS NULL AND type = 'request.paid.v1'"),
    )
    op.create_index(
        "ix_outbox_messages_waiting",
        "outbox_messages",
        ["available_at", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "outgoing_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("locale", sa.String(length=2), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent')", name=op.f("ck_outgoing_messages_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_messages")),
    )
    op.create_index(
        "ix_outgoing_messages_due", "outgoing_messages", ["state", "available_at"], unique=False
    )
    op.create_table(
        "register_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_records")),
        sa.UniqueConstraint(
            "kind",
            "center_code",
            "number",
            name=op.f("uq_register_records_kind_center_code_number"),
        ),
    )
    op.create_table(
        "request_serials",
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("center_code", "year", name=op.f("pk_request_serials")),
    )
    op.create_table(
        "sandbox_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_messages")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=80), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("username", name=op.f("uq_staff_username")),
    )
    op.create_table(
        "center_acts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("center_request_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("actor_name", sa.String(length=120), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["center_request_id"],
            ["center_requests.id"],
            name=op.f("fk_center_acts_center_request_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_center_acts")),
    )
    op.create_index("ix_center_acts_request", "center_acts", ["center_request_id"], unique=False)
    op.create_table(
        "center_documents",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("center_request_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("title", sa.JSON(), nullable=False),
        sa.Column("file_name", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(length=60), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("storage_key", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("output", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["center_request_id"],
            ["center_requests.id"],
            name=op.f("fk_center_documents_center_request_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_center_documents")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_center_documents_storage_key")),
    )
    op.create_index(
        "ix_center_documents_request", "center_documents", ["center_request_id"], unique=False
    )
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("citizen_id", sa.Integer(), nullable=False),
        sa.Column("service_code", sa.String(length=60), nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'submitted', 'discarded')", name=op.f("ck_drafts_state")
        ),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizens.id"], name=op.f("fk_drafts_citizen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_idle", "drafts", ["state", "saved_at"], unique=False)
    op.create_index(
        "uq_drafts_open",
        "drafts",
        ["citizen_id", "service_code"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "register_dues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_by", sa.String(length=20), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_register_dues_positive")),
        sa.ForeignKeyConstraint(
            ["record_id"], ["register_records.id"], name=op.f("fk_register_dues_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_dues")),
        sa.UniqueConstraint(
            "record_id", "position", name=op.f("uq_register_dues_record_id_position")
        ),
    )
    op.create_table(
        "sign_ins",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("citizen_id", sa.Integer(), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("request_number", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizens.id"], name=op.f("fk_sign_ins_citizen_id")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_sign_ins_staff_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_ins")),
    )
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"], unique=False)
    op.create_table(
        "service_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("draft_id", sa.String(length=24), nullable=False),
        sa.Column("citizen_id", sa.Integer(), nullable=False),
        sa.Column("mobile", sa.LargeBinary(), nullable=False),
        sa.Column("mobile_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("service_code", sa.String(length=60), nullable=False),
        sa.Column("service_digest", sa.String(length=16), nullable=False),
        sa.Column("center_code", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("locale", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("resume_state", sa.String(length=30), nullable=True),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("quote", sa.JSON(), nullable=False),
        sa.Column("due_now", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waits_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period", sa.JSON(), nullable=False),
        sa.Column("clock_from", sa.Date(), nullable=True),
        sa.Column("paused_on", sa.Date(), nullable=True),
        sa.Column("paused_days", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("grievance_until", sa.Date(), nullable=True),
        sa.Column("center_number", sa.Integer(), nullable=True),
        sa.Column("center_year", sa.Integer(), nullable=True),
        sa.Column("handed_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizens.id"], name=op.f("fk_service_requests_citizen_id")
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name=op.f("fk_service_requests_draft_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_requests")),
        sa.UniqueConstraint("draft_id", name=op.f("uq_service_requests_draft_id")),
        sa.UniqueConstraint("number", name=op.f("uq_service_requests_number")),
    )
    op.create_index(
        "ix_service_requests_citizen",
        "service_requests",
        ["citizen_id", "submitted_at"],
        unique=False,
    )
    op.create_index(
        "ix_service_requests_due",
        "service_requests",
        ["due_on"],
        unique=False,
        sqlite_where=sa.text("decided_at IS NULL"),
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_index(
        "ix_service_requests_state", "service_requests", ["state", "waits_until"], unique=False
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("draft_id", sa.String(length=24), nullable=True),
        sa.Column("request_id", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("document_code", sa.String(length=60), nullable=False),
        sa.Column("file_name", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(length=60), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("storage_key", sa.String(length=40), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["drafts.id"], name=op.f("fk_attachments_draft_id")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["service_requests.id"], name=op.f("fk_attachments_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_attachments_storage_key")),
    )
    op.create_index(op.f("ix_attachments_draft_id"), "attachments", ["draft_id"], unique=False)
    op.create_index("ix_attachments_request", "attachments", ["request_id"], unique=False)
    op.create_table(
        "request_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=30), nullable=False),
        sa.Column("from_state", sa.String(length=30), nullable=False),
        sa.Column("to_state", sa.String(length=30), nullable=False),
        sa.Column("actor", sa.String(length=20), nullable=False),
        sa.Column("actor_name", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["service_requests.id"], name=op.f("fk_request_history_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_history")),
        sa.UniqueConstraint(
            "request_id", "position", name=op.f("uq_request_history_request_id_position")
        ),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("object_id", sa.String(length=120), nullable=False),
        sa.Column("effect", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint(
            "provider",
            "object_id",
            "effect",
            name=op.f("uq_ledger_entries_provider_object_id_effect"),
        ),
    )
    op.create_index(
        op.f("ix_ledger_entries_reference"), "ledger_entries", ["reference"], unique=False
    )
    op.create_table(
        "payment_cases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("object_id", sa.String(length=120), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_cases")),
        sa.UniqueConstraint("kind", "object_id", name=op.f("uq_payment_cases_kind_object_id")),
    )
    op.create_table(
        "payment_events",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("event_id", sa.String(length=120), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("session", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("try_again_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'processed', 'ignored')", name=op.f("ck_payment_events_state")
        ),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_payment_events")),
    )
    op.create_index(
        "ix_payment_events_waiting", "payment_events", ["state", "try_again_at"], unique=False
    )
    op.create_table(
        "payment_obligations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'paid', 'cancelled')", name=op.f("ck_payment_obligations_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_obligations_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_obligations")),
        sa.UniqueConstraint(
            "reference", "stage", name=op.f("uq_payment_obligations_reference_stage")
        ),
    )
    op.create_table(
        "payment_receipt_serials",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_payment_receipt_serials")),
    )
    op.create_table(
        "ledger_lines",
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=30), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_lines_not_zero")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_ledger_lines_entry_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", "position", name=op.f("pk_ledger_lines")),
    )
    op.create_index(
        "ix_ledger_lines_account", "ledger_lines", ["account", "entity", "item"], unique=False
    )
    op.create_table(
        "payment_attempts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("obligation_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("session", sa.String(length=120), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("method", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_again_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'surplus', 'expired', 'failed', 'mismatched')",
            name=op.f("ck_payment_attempts_state"),
        ),
        sa.ForeignKeyConstraint(
            ["obligation_id"],
            ["payment_obligations.id"],
            name=op.f("fk_payment_attempts_obligation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_attempts")),
        sa.UniqueConstraint(
            "obligation_id", "number", name=op.f("uq_payment_attempts_obligation_id_number")
        ),
        sa.UniqueConstraint("session", name=op.f("uq_payment_attempts_session")),
    )
    op.create_index(
        "ix_payment_attempts_sweep", "payment_attempts", ["state", "look_again_at"], unique=False
    )
    op.create_index(
        "uq_payment_attempts_open",
        "payment_attempts",
        ["obligation_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "payment_obligation_lines",
        sa.Column("obligation_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("label_ar", sa.String(length=200), nullable=False),
        sa.Column("label_en", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refundable", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["obligation_id"],
            ["payment_obligations.id"],
            name=op.f("fk_payment_obligation_lines_obligation_id"),
        ),
        sa.PrimaryKeyConstraint(
            "obligation_id", "position", name=op.f("pk_payment_obligation_lines")
        ),
    )
    op.create_table(
        "payment_receipts",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("obligation_id", sa.String(length=32), nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempts.id"], name=op.f("fk_payment_receipts_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["obligation_id"],
            ["payment_obligations.id"],
            name=op.f("fk_payment_receipts_obligation_id"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_payment_receipts")),
        sa.UniqueConstraint("obligation_id", name=op.f("uq_payment_receipts_obligation_id")),
    )
