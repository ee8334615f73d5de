"""Settings: the only module that reads the environment.

Names are those of the README's table. A `.env` file in the working folder is read too;
the environment wins.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from adapters.setting_shapes import addresses, base_url, database_address, origin, place
from domain.destinations import listed_origins
from domain.errors import BadSetup

DatabaseAddress = Annotated[str, AfterValidator(database_address)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
Place = Annotated[Path, AfterValidator(place)]


class ProviderSetting(BaseModel):
    """What an operator registered with who vouches for people; see `adapters/sign_in`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    issuer: str | None = None  # where we know none by the provider's name


class Settings(BaseSettings):
    """What a process was told. Unset addresses mean the embedded default."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    database_url: DatabaseAddress | None = None
    read_database_url: DatabaseAddress | None = None
    redis_url: str | None = None
    rabbitmq_url: str | None = None

    bot_master_key: str | None = Field(default=None, repr=False)
    bot_master_key_file: Place | None = None

    clawbot_data_dir: Place = Field(default_factory=lambda: default_data_dir())  # noqa: PLW0108  # defined below
    clawbot_host: str = "127.0.0.1"
    clawbot_port: int = Field(default=3100, ge=1, le=65535)
    clawbot_proxy_host: str = "127.0.0.1"
    clawbot_proxy_port: int = Field(default=3101, ge=1, le=65535)
    clawbot_workers: int = Field(default=1, ge=1, le=64)
    clawbot_worker_host: str = "127.0.0.1"
    clawbot_worker_port: int = Field(default=3102, ge=1, le=65535)
    clawbot_worker_url: Annotated[str, AfterValidator(origin)] | None = None
    # Plugins that run here: where their programs are found, and what they may read beside
    # the system's own folders (packages that the operator has installed).
    clawbot_plugins_path: str = "/usr/local/bin:/usr/bin:/bin"
    clawbot_plugins_readable: Annotated[tuple[str, ...], NoDecode] = ()
    # What they reach beside the internet, and whether they must be kept to that.
    clawbot_plugins_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    clawbot_plugins_fence: Literal["auto", "required", "off"] = "auto"
    proxy_base_url: BaseUrl | None = None
    proxy_token_ttl: int = Field(default=0, ge=0)
    metrics_token: str | None = Field(default=None, repr=False)
    clawbot_smtp_url: str | None = Field(default=None, repr=False)
    clawbot_sms_url: str | None = Field(default=None, repr=False)
    clawbot_mail_from: str = "Clawbot <clawbot@localhost>"
    clawbot_public_url: BaseUrl | None = None
    clawbot_oidc: dict[str, ProviderSetting] = Field(default_factory=dict, repr=False)
    otel_exporter_otlp_endpoint: str | None = None
    egress_allow: Annotated[tuple[str, ...], NoDecode] = ()
    docker_host: str = "unix:///var/run/docker.sock"
    docker_tls_verify: bool = False
    docker_cert_path: Place | None = None
    bot_data_dir: Place | None = None
    bot_secrets_dir: Place | None = None
    bot_image: str = "openclaw:latest"
    bot_images_allowed: Annotated[tuple[str, ...], NoDecode] = ("clawbot/*",)
    bot_port_start: int = Field(default=9200, ge=1024, le=65_000)
    # Bots in containers; see `adapters/docker/setup.py`.
    clawbot_runtime: Literal["docker", "swarm", "external"] = "docker"
    clawbot_bot_subnets: IPv4Network = IPv4Network("10.213.0.0/16")
    clawbot_bot_dns: Annotated[tuple[str, ...], NoDecode, AfterValidator(addresses)] = (
        "1.1.1.1",
        "9.9.9.9",
    )
    clawbot_bot_firewall: bool = True
    clawbot_swarm_proxy: str = "clawbot-proxy"
    clawbot_swarm_constraints: Annotated[tuple[str, ...], NoDecode] = ()
    # The server of api and proxy, for each of their processes.
    clawbot_http_max_connections: int = Field(default=2000, ge=16, le=60_000)
    clawbot_http_max_connections_per_peer: int = Field(default=200, ge=1, le=60_000)
    clawbot_http_shared_peers: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    clawbot_http_head_seconds: float = Field(default=10, gt=0, le=120)
    clawbot_http_keep_alive_seconds: float = Field(default=15, gt=0, le=600)
    clawbot_http_body_seconds: float = Field(default=60, gt=0, le=3600)
    clawbot_http_write_seconds: float = Field(default=60, gt=0, le=600)
    # How often in a minute the control plane may be asked; see `application/rates.py`.
    clawbot_rate_sign_ins: int = Field(default=10, ge=1, le=1000)
    clawbot_rate_writes: int = Field(default=600, ge=1, le=1_000_000)
    clawbot_rate_reads: int = Field(default=3000, ge=1, le=1_000_000)
    clawbot_rate_requests_per_peer: int = Field(default=6000, ge=1, le=1_000_000)
    zero_trust_mode: bool = True

    @field_validator(
        "egress_allow",
        "clawbot_http_shared_peers",
        "bot_images_allowed",
        "clawbot_bot_dns",
        "clawbot_swarm_constraints",
        "clawbot_plugins_readable",
        "clawbot_plugins_networks",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _zero_trust_stays_on(self) -> Self:
        if not self.zero_trust_mode:
            msg = (
                "ZERO_TRUST_MODE=false is refused: bots would hold provider keys. "
                "Remove the setting; keys stay in the vault and calls go through the proxy."
            )
            raise BadSetup(msg)
        return self

    @model_validator(mode="after")
    def _keys_go_to_origins(self) -> Self:
        listed_origins(self.egress_allow)
        return self

    @property
    def public_url(self) -> str:
        """How a browser reaches the control plane, without a slash at the end."""
        if self.clawbot_public_url:
            return self.clawbot_public_url.rstrip("/")
        return f"http://{_reachable(self.clawbot_host)}:{self.clawbot_port}"

    @property
    def bots_proxy_url(self) -> str:
        """How a bot reaches the proxy, without a slash at the end."""
        if self.proxy_base_url:
            return self.proxy_base_url.rstrip("/")
        return f"http://{_reachable(self.clawbot_proxy_host)}:{self.clawbot_proxy_port}"

    @property
    def worker_url(self) -> str:
        """How api and proxy reach the worker, without a slash at the end."""
        if self.clawbot_worker_url:
            return self.clawbot_worker_url.rstrip("/")
        return f"http://{self.clawbot_worker_host}:{self.clawbot_worker_port}"


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104


def default_data_dir() -> Path:
    """`/var/lib/clawbot` for root, whose database is another user's; else `~/.clawbot`."""
    home = Path.home()
    return Path("/var/lib/clawbot") if home == Path("/root") else home / ".clawbot"
