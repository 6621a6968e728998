"""What the template must say, checked on what SAM makes of it: cfn-lint alone passes most of these mistakes."""

import importlib
import json
from collections import Counter
from typing import Any

import pytest

from privacy.policy import load
from privacy.web.callers import CALLERS
from tests.template.source import ROOT, resources, template, translated

FUNCTIONS = resources("AWS::Serverless::Function")
LONGEST_TIMEOUT = 900


def _translated(kind: str) -> dict[str, dict[str, Any]]:
    return {name: body for name, body in translated()["Resources"].items() if body["Type"] == kind}


def _folder(function: dict[str, Any]) -> str:
    return str(function["Properties"]["Handler"]).split(".")[0]


def _routes(function: dict[str, Any]) -> set[tuple[str, str]]:
    events = function["Properties"].get("Events", {}).values()
    return {(event["Properties"]["Path"], event["Properties"]["Method"]) for event in events if event["Type"] == "Api"}


@pytest.mark.parametrize("name", [name for name, body in FUNCTIONS.items() if _routes(body)])
def test_every_route_of_the_app_is_a_route_of_the_template_and_the_other_way_round(name: str) -> None:
    app = importlib.import_module(f"{_folder(FUNCTIONS[name])}.app").app
    routes = {(path, method) for path, methods in app.routes.items() for method in methods}
    assert routes == _routes(FUNCTIONS[name])


def test_every_function_folder_is_deployed_and_every_deployed_one_exists() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == {_folder(body) for body in FUNCTIONS.values()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_its_own_role_log_group_and_alarm(name: str) -> None:
    stem = name.removesuffix("Function")
    properties = FUNCTIONS[name]["Properties"]
    assert properties["Role"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}
    logs = template()["Resources"][f"{stem}Logs"]["Properties"]
    assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert "KmsKeyId" in logs
    alarm = template()["Resources"][f"{stem}ErrorsAlarm"]["Properties"]
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": name}}]
    assert alarm["AlarmActions"]


def _statements() -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, statement)
        for name, role in _translated("AWS::IAM::Role").items()
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _listed(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_no_role_is_given_the_same_twice() -> None:
    """Who took one away would have taken nothing."""
    given = [
        (name, action, json.dumps(resource, sort_keys=True), json.dumps(statement.get("Condition"), sort_keys=True))
        for name, statement in _statements()
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]
    assert [each for each, times in Counter(given).items() if times > 1] == []


LISTS = {
    "dynamodb:ListTables",
    "s3:ListAllMyBuckets",
    "sqs:ListQueues",
    "events:ListRuleNamesByTarget",
    "cloudwatch:GetMetricStatistics",
    "logs:DescribeLogGroups",
    "lambda:ListFunctions",
}
"""What AWS grants on every resource or on none (Service Authorization Reference); it reads names and figures only."""


@pytest.mark.promise("security.measures")
def test_no_role_has_a_managed_policy_a_wildcard_action_or_every_resource() -> None:
    for name, role in _translated("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role["Properties"], name
    for name, statement in _statements():
        actions = statement["Action"]
        assert isinstance(actions, list), name
        assert not [action for action in actions if action.endswith("*")], name
        for resource in _listed(statement["Resource"]):
            assert resource != "*" or (name == "PromiseAuditRole" and set(actions) <= LISTS), name
        if "kms:Decrypt" in actions or "kms:GenerateDataKey" in actions:
            assert "Condition" in statement, f"{name}: a use of a key is bound to its alias or service"


@pytest.mark.promise("visits.unlinked")
def test_the_correlation_function_alone_may_decrypt_the_address_of_a_sign_in() -> None:
    for name, statement in _statements():
        if statement["Resource"] == {"Fn::GetAtt": ["AddressKey", "Arn"]}:
            allowed = ["kms:Decrypt"] if name == "CorrelationRole" else ["kms:Encrypt"]
            assert statement["Action"] == allowed, name


@pytest.mark.promise("visits.unlinked", "correlation.gate")
def test_the_key_of_the_addresses_refuses_everybody_but_the_correlation_function_whatever_else_they_may() -> None:
    (denied,) = (
        statement
        for statement in template()["Resources"]["AddressKey"]["Properties"]["KeyPolicy"]["Statement"]
        if statement["Effect"] == "Deny"
    )
    assert {"kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"} <= set(denied["Action"])
    assert denied["Principal"] == {"AWS": "*"}
    named = denied["Condition"]["ArnNotLike"]["aws:PrincipalArn"]["Fn::Sub"]
    assert named.endswith(":role/${AWS::StackName}-CorrelationRole-*")  # as CloudFormation names it by itself
    assert "RoleName" not in template()["Resources"]["CorrelationRole"]["Properties"]


def _readers(*things: str) -> set[str]:
    """The roles that may read a table of these, or an index of it: more of it than keys."""
    reads = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"}
    found = set()
    for name, statement in _statements():
        reached = _listed(statement["Resource"])
        tables = {
            json.dumps(resource).partition(":table/${AWS::StackName}-")[2].split("/")[0].rstrip('"}')
            for resource in reached
        }
        shown = statement.get("Condition", {}).get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes")
        if shown is not None and set(shown) <= {"account_id", "token_hash", "id"}:
            assert statement["Condition"]["StringEquals"] == {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}, name
            continue
        if reads & set(statement["Action"]) and tables & set(things):
            found.add(name)
    return found


@pytest.mark.promise("correlation.gate", "visits.unlinked")
def test_the_correlation_function_alone_reads_both_visits_and_what_names_a_person() -> None:
    visits, persons = _readers("visits"), _readers("accounts", "sessions", "signups", "enquiries", "billing")
    assert {"CorrelationRole", "LogPurgingRole"} <= visits
    assert {"CorrelationRole", "SessionsRole", "SignupRole"} <= persons
    assert visits & persons == {"CorrelationRole"}


@pytest.mark.promise("visits.unlinked")
def test_what_captures_visits_can_reach_nothing_that_names_a_person() -> None:
    reached = json.dumps([statement["Resource"] for name, statement in _statements() if name == "VisitsRole"])
    for store in ("accounts", "sessions", "signups", "secret"):
        assert store not in reached


def test_no_function_scans_but_the_audit_which_has_to_see_what_no_index_shows() -> None:
    assert {name for name, statement in _statements() if "dynamodb:Scan" in statement["Action"]} == {"PromiseAuditRole"}


@pytest.mark.promise("audit.proof")
def test_the_audit_may_change_nothing_but_its_findings_and_open_nothing() -> None:
    reads = ("Get", "Describe", "List", "Scan", "GET")
    changes = [
        (action, statement["Resource"])
        for name, statement in _statements()
        if name == "PromiseAuditRole"
        for action in statement["Action"]
        if not action.split(":")[1].startswith(reads)
    ]
    findings = {"dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {action for action, _ in changes} == findings | logs
    assert all("-findings" in str(resource) for action, resource in changes if action in findings)


def test_every_work_queue_waits_six_times_its_functions_timeout_and_has_dead_letters_for_two_weeks() -> None:
    queues = _translated("AWS::SQS::Queue")
    mappings = _translated("AWS::Lambda::EventSourceMapping").values()
    fed = {mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]: mapping["Properties"] for mapping in mappings}
    assert fed.keys() == {name for name in queues if "DeadLetters" not in name}
    for name, mapping in fed.items():
        function = translated()["Resources"][mapping["FunctionName"]["Ref"]]["Properties"]
        queue = queues[name]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], name
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5, name
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        assert queues[dead]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
        alarm = template()["Resources"][f"{dead}Alarm"]["Properties"]
        assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": [dead, "QueueName"]}
    for name, queue_body in queues.items():
        assert queue_body["Properties"]["SqsManagedSseEnabled"] is True, name


def test_every_schedule_retries_and_keeps_what_it_could_not_start() -> None:
    rules = _translated("AWS::Events::Rule")
    assert len(rules) >= 4
    for rule in rules.values():
        (target,) = rule["Properties"]["Targets"]
        assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["ScheduleDeadLetters", "Arn"]}
        assert target["RetryPolicy"]["MaximumRetryAttempts"] >= 1


@pytest.mark.promise("security.measures")
def test_every_table_is_encrypted_with_our_key_and_protected_from_deletion() -> None:
    for name, table in resources("AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        assert properties["SSESpecification"]["KMSMasterKeyId"] == {"Ref": "DataKey"}, name
        assert properties["DeletionProtectionEnabled"] is True, name
        assert table["DeletionPolicy"] == "Retain", name


@pytest.mark.promise("databases.destroyed")
def test_the_key_table_has_no_point_in_time_recovery() -> None:
    keys = template()["Resources"]["KeysTable"]["Properties"]
    assert keys["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": False}


@pytest.mark.promise("visits.retention", "sessions.max-age", "signup.confirmed")
@pytest.mark.parametrize(
    "name",
    [
        "VisitsTable",
        "SessionsTable",
        "SignupsTable",
        "CorrelationsTable",
        "CampaignsTable",
        "AccessTable",
        "ChoicesTable",
        "TrendsTable",
        "IdempotencyTable",
    ],
)
def test_what_expires_has_ttl_and_no_point_in_time_recovery_that_would_outlive_it(name: str) -> None:
    properties = template()["Resources"][name]["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": False}


@pytest.mark.promise("security.measures")
def test_every_bucket_is_private_encrypted_with_our_key_and_open_over_tls_only() -> None:
    for name, bucket in resources("AWS::S3::Bucket").items():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": ["DataKey", "Arn"]}, name
        assert "ObjectLockEnabled" not in properties, name
        policy = template()["Resources"][f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        assert any(entry["Sid"] == "TlsOnly" and entry["Effect"] == "Deny" for entry in policy), name


@pytest.mark.promise("exports.retention")
def test_lifecycle_rules_are_the_backstop_for_versions_markers_and_broken_off_uploads() -> None:
    for name, bucket in resources("AWS::S3::Bucket").items():
        rules = {key for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"] for key in rule}
        assert "AbortIncompleteMultipartUpload" in rules, name
        if "VersioningConfiguration" in bucket["Properties"]:
            assert {"NoncurrentVersionExpiration", "ExpiredObjectDeleteMarker"} <= rules, name
        else:
            assert "ExpirationInDays" in rules, name


def test_the_last_listing_waits_for_the_longest_function_and_a_cached_key() -> None:
    from privacy.vault.keys import CACHE_SECONDS

    timeouts = [body["Properties"]["Timeout"] for body in _translated("AWS::Lambda::Function").values()]
    assert max(timeouts) == LONGEST_TIMEOUT
    assert template()["Parameters"]["SettleSeconds"]["Default"] >= max(timeouts) + CACHE_SECONDS


def test_a_region_move_settles_longer_than_any_request_takes() -> None:
    routes = [body["Properties"] for body in FUNCTIONS.values() if _routes(body)]
    default = template()["Globals"]["Function"]["Timeout"]
    longest = max(properties.get("Timeout", default) for properties in routes)
    assert template()["Parameters"]["DrainSeconds"]["Default"] >= 2 * longest


def test_a_silent_worker_is_not_taken_over_before_its_function_must_have_ended() -> None:
    from privacy.models.jobs import LEASE_SECONDS

    assert LEASE_SECONDS > LONGEST_TIMEOUT


def test_the_api_takes_bytes_of_every_type_is_throttled_and_lets_the_website_alone_through() -> None:
    api = template()["Resources"]["Api"]["Properties"]
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert api["Cors"]["AllowOrigin"] == {"Fn::Sub": "'${SiteUrl}'"}
    throttled = {setting["ResourcePath"]: setting["ThrottlingRateLimit"] for setting in api["MethodSettings"]}
    for public in ("/*", "/signups", "/signups/confirmation", "/sessions", "/visits"):
        assert throttled[public] > 0


def test_the_access_log_holds_nothing_of_a_person() -> None:
    logged = template()["Resources"]["Api"]["Properties"]["AccessLogSetting"]["Format"]
    for word in ("identity", "sourceIp", "userAgent", "$context.path", "authorizer"):
        assert word not in logged


def test_the_local_captcha_verifier_is_not_what_is_deployed_by_default() -> None:
    assert template()["Parameters"]["CaptchaVerifier"]["Default"] == "google"


def test_no_production_template_moves_the_clock() -> None:
    assert "PRIVACY_CLOCK_OFFSET" not in (ROOT / "template.yaml").read_text("utf-8")


def test_sweeps_that_do_not_run_raise_an_alarm() -> None:
    overdue = {
        name: body["Properties"] for name, body in resources("AWS::CloudWatch::Alarm").items() if "Overdue" in name
    }
    assert len(overdue) >= 9
    for name, alarm in overdue.items():
        assert alarm["TreatMissingData"] == "breaching", name
        assert alarm["MetricName"] == "RemovalLagSeconds", name


@pytest.mark.promise("databases.deletion")
def test_every_store_of_a_deletion_has_an_alarm_that_rings_when_it_is_a_second_overdue() -> None:
    from database_expiry.overdue import STORES

    alarms = {
        str(dimension["Value"]).removeprefix("deletion."): body["Properties"]
        for body in resources("AWS::CloudWatch::Alarm").values()
        for dimension in body["Properties"].get("Dimensions", [])
        if str(dimension["Value"]).startswith("deletion.")
    }
    assert alarms.keys() == set(STORES)
    for store, alarm in alarms.items():
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold"), store


@pytest.mark.promise("databases.destroyed")
def test_the_certificate_names_every_table_that_keeps_earlier_states_of_a_database() -> None:
    from privacy.removal.certificate import RECOVERABLE_AT_HOME, RECOVERABLE_EVERYWHERE

    of_no_database = {"accounts", "audit", "billing", "policies"}
    tables = resources("AWS::DynamoDB::Table")
    recoverable: dict[bool, set[str]] = {True: set(), False: set()}
    for table in tables.values():
        if table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]:
            name = table["Properties"]["TableName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
            recoverable[table.get("Condition") == "IsHome"].add(name)
    assert recoverable[False] == set(RECOVERABLE_EVERYWHERE)
    assert recoverable[True] - of_no_database == set(RECOVERABLE_AT_HOME)


@pytest.mark.promise("databases.destroyed", "security.measures")
@pytest.mark.parametrize("name", ["CertificateKey", "AuditKey"])
def test_what_signs_is_a_key_that_never_leaves_kms(name: str) -> None:
    key = template()["Resources"][name]["Properties"]
    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")


@pytest.mark.promise("databases.destroyed", "security.measures")
def test_what_removes_alone_signs_certificates_and_the_sealer_alone_signs_the_audit_trail() -> None:
    signs = {name: statement for name, statement in _statements() if "kms:Sign" in statement["Action"]}
    assert set(signs) == {"DatabaseDeletionRole", "ErasureRole", "AuditSealingRole"}
    for name in ("DatabaseDeletionRole", "ErasureRole"):
        assert "certificates" in json.dumps(signs[name]["Condition"])
    assert signs["AuditSealingRole"]["Resource"] == {"Fn::GetAtt": ["AuditKey", "Arn"]}


@pytest.mark.promise("security.measures")
def test_nobody_may_delete_from_the_audit_trail_and_the_sealer_alone_may_change_it() -> None:
    for name, statement in _statements():
        listed = _listed(statement["Resource"])
        if not any(
            json.dumps(resource).endswith('-audit"}') and "dynamodb" in json.dumps(resource) for resource in listed
        ):
            continue
        assert "dynamodb:DeleteItem" not in statement["Action"], name
        assert "dynamodb:BatchWriteItem" not in statement["Action"], name
        if "dynamodb:UpdateItem" in statement["Action"]:
            assert name == "AuditSealingRole"


@pytest.mark.promise("policy.versions")
def test_the_archive_of_the_policy_is_for_ever_and_its_schedule_alone_writes_into_it() -> None:
    table = template()["Resources"]["PoliciesTable"]["Properties"]
    assert "TimeToLiveSpecification" not in table
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    allowed = [
        (name, action)
        for name, statement in _statements()
        if statement["Effect"] == "Allow" and "-policies" in json.dumps(statement["Resource"])
        for action in statement["Action"]
        if action not in ("dynamodb:Query", "dynamodb:GetItem")
    ]
    assert allowed == [("PolicyPublishingRole", f"dynamodb:{action}") for action in ("PutItem", "UpdateItem")]
    assert not [
        name for name, statement in _statements() if name == "PolicyRole" and "dynamodb" in json.dumps(statement)
    ]


def test_every_route_has_a_row_in_the_table_of_who_may_call_it_and_every_row_a_route() -> None:
    routes = {f"{method} {path}" for function in FUNCTIONS.values() for path, method in _routes(function)}
    assert routes == set(CALLERS)


def test_who_reads_files_may_list_their_bucket_or_what_is_missing_would_look_forbidden() -> None:
    """S3 answers 403 for 404 to who may not list
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
    """
    readers: set[str] = set()
    listers: set[str] = set()
    for name, statement in _statements():
        if "${AWS::StackName}-content-${AWS::AccountId}" in json.dumps(statement["Resource"]):
            readers |= {name} if "s3:GetObjectVersion" in statement["Action"] else set()
            listers |= {name} if "s3:ListBucket" in statement["Action"] else set()
    assert len(readers) >= 5
    assert readers <= listers


@pytest.mark.promise("processors.allow-list")
def test_disclosures_mail_nobody_but_the_processors_that_are_told_of_erasures() -> None:
    [mails] = [
        statement
        for name, statement in _statements()
        if name == "DisclosureRole" and "ses:SendEmail" in statement["Action"]
    ]
    told = [one for one in load().processors.values() if "erasure-notice" in one.purposes]
    domains = {".".join(host.split(".")[-2:]) for one in told for host in one.hosts}
    assert mails["Condition"] == {
        "ForAllValues:StringLike": {"ses:Recipients": sorted(f"*@{domain}" for domain in domains)}
    }


@pytest.mark.promise("marketing.opt-out")
def test_four_functions_send_mail_and_marketing_has_a_queue_that_few_may_write_to() -> None:
    senders = {name for name, statement in _statements() if "ses:SendEmail" in statement["Action"]}
    # The last mail of an erasure; word of it to processors.
    assert senders == {"MailRole", "MarketingSendingRole", "ErasureRole", "DisclosureRole"}
    assert not [name for name, statement in _statements() if "ses:SendRawEmail" in statement["Action"]]
    writers = {
        name
        for name, statement in _statements()
        if "sqs:SendMessage" in statement["Action"]
        and ("MarketingQueue" in json.dumps(statement) or '-marketing"' in json.dumps(statement))
    }
    assert writers == {"HelpdeskRole", "MarketingSendingRole"}


@pytest.mark.promise("marketing.opt-out")
def test_the_way_out_works_with_the_address_that_aws_gives_the_api_until_another_is_set() -> None:
    told = template()["Resources"]["MarketingSendingFunction"]["Properties"]["Environment"]["Variables"]["API_URL"]
    assert template()["Parameters"]["ApiUrl"]["Default"] == ""
    assert told["Fn::If"][1:] == [{"Ref": "ApiUrl"}, template()["Outputs"]["ApiUrl"]["Value"]]
