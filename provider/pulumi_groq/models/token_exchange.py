"""The exchange of a workload's token for a credential, as RFC 8693 and RFC 6749 shape it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from pulumi_groq.models.fields import WireModel

MOST_TOKEN_BYTES: Final = 16 * 1024

GrantType = Literal["urn:ietf:params:oauth:grant-type:token-exchange"]
SubjectTokenType = Literal[
    "urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt"
]
AccessTokenType = Literal["urn:ietf:params:oauth:token-type:access_token"]


class TokenExchangeForm(WireModel):
    """The form of `POST /openai/v1/auth/token`. Parameters of the RFC that it has not are refused."""

    grant_type: Annotated[GrantType, Field(description="That a token is to be exchanged.")]
    subject_token: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MOST_TOKEN_BYTES,
            description="The issuer's token, signed for the workload: up to 16,384 characters.",
        ),
    ]
    subject_token_type: Annotated[SubjectTokenType, Field(description="What kind of token that is.")]
    audience: Annotated[
        str | None,
        Field(
            description="Name of the workload identity to act as. Needed where several accept the token.",
        ),
    ] = None
    requested_token_type: Annotated[
        AccessTokenType | None, Field(description="The kind of credential that is given, if stated.")
    ] = None


class TokenExchangeAnswer(WireModel):
    """A credential."""

    access_token: Annotated[str, Field(repr=False, description="The credential, sent like a key.")]
    issued_token_type: Annotated[AccessTokenType, Field(description="What kind of credential that is.")]
    token_type: Annotated[Literal["Bearer"], Field(description="How it is sent.")]
    expires_in: Annotated[int, Field(description="How many seconds it lives.")]


class TokenExchangeError(WireModel):
    """Why there is none."""

    error: Annotated[
        Literal["invalid_request", "invalid_target", "unsupported_grant_type", "temporarily_unavailable"],
        Field(description="The kind of refusal, by RFC 6749 and 8693."),
    ]
    error_description: Annotated[str, Field(description="Why, and what to do, in one line.")]
