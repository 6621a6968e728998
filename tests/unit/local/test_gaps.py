"""What the emulator's CloudFormation drops is read from the template as CloudFormation would."""

from typing import Any

from local.gaps import lifecycle_rule, name_api, name_region, resolve


def test_references_become_physical_ids_and_parameter_values() -> None:
    names = {"Key": "key-1", "Days": "8"}
    given = [{"a": {"Ref": "Key"}}, {"b": {"Fn::GetAtt": ["Key", "Arn"]}}, {"Fn::GetAtt": "Key.Arn"}, {"Ref": "Days"}]
    assert resolve(given, names) == [{"a": "key-1"}, {"b": "key-1"}, "key-1", "8"]


def test_what_cannot_be_looked_up_stays_as_it_was() -> None:
    given = {"Name": {"Fn::Sub": "${AWS::StackName}-x"}, "Other": {"Ref": "AWS::Region"}}
    assert resolve(given, {}) == given


def test_a_condition_on_the_region_is_given_the_region_s_name() -> None:
    condition = {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "HomeRegion"}]}
    given = {"Conditions": {"IsHome": condition}, "Resources": {"R": {"Ref": "AWS::Region"}}}
    assert name_region(given, "us-east-1") == {
        "Conditions": {"IsHome": {"Fn::Equals": ["us-east-1", {"Ref": "HomeRegion"}]}},
        "Resources": {"R": {"Ref": "AWS::Region"}},
    }


def test_a_lifecycle_rule_keeps_every_action() -> None:
    rule: dict[str, Any] = {
        "Id": "backstop",
        "Status": "Enabled",
        "Prefix": "exports/",
        "ExpirationInDays": 8,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    }
    assert lifecycle_rule(rule) == {
        "ID": "backstop",
        "Status": "Enabled",
        "Filter": {"Prefix": "exports/"},
        "Expiration": {"Days": 8},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    }


def test_a_rule_for_markers_alone_has_no_days() -> None:
    rule = lifecycle_rule({"Status": "Enabled", "ExpiredObjectDeleteMarker": True})
    assert rule == {
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
    }


def test_the_function_that_writes_links_to_the_api_is_told_its_address_once() -> None:
    class Functions:
        variables = {"STACK": "perfectwork", "API_URL": "https://aws.example/v1"}  # noqa: RUF012  # a fake's state
        changed = 0

        def get_function_configuration(self, **asked: Any) -> Any:
            assert asked == {"FunctionName": "perfectwork-marketing-sending"}
            return {"Environment": {"Variables": self.variables}}

        def update_function_configuration(self, **asked: Any) -> None:
            self.variables = asked["Environment"]["Variables"]
            self.changed += 1

    functions = Functions()
    for _ in range(2):
        name_api(lambda service: functions, "perfectwork", "http://127.0.0.1:4566/v1")
    assert functions.variables == {"STACK": "perfectwork", "API_URL": "http://127.0.0.1:4566/v1"}
    assert functions.changed == 1
