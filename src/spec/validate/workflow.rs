//! Checks of the system under test: its address, its secrets, and the needs of each kind.

use super::checker::{Check, Checker};
use crate::spec::workflow::{ConnectionSpec, CustomSpec, HttpSpec, Length, SimulatorSpec};
use crate::spec::{WorkflowSpec, names_a_secret};

/// Most replicas: each is held in memory, and looked at for every request.
const MOST_REPLICAS: u32 = 10_000;

impl Checker<'_> {
    pub(super) fn workflow(&self) -> Check {
        let workflow = &self.spec.workflow;
        self.ensure(
            workflow.timeout().get() > 0.0,
            "workflow.timeout",
            "no run can end within 0 s",
            "300s is the default",
        )?;
        for (path, address) in workflow.addresses() {
            self.address(&path, address.public())?;
        }
        for (at, connection) in workflow.connections() {
            self.connection(at, connection)?;
        }
        for (path, secret) in workflow.secrets() {
            self.secret(&path, secret)?;
        }
        if let Some(llm) = workflow.llm() {
            self.llm(llm)?;
        }
        if let Some(serve) = workflow.serve() {
            self.serve(serve)?;
        }
        match workflow {
            WorkflowSpec::Command(command) => self.command(command),
            WorkflowSpec::Chain(chain) => self.chain(chain),
            WorkflowSpec::Openai(openai) => {
                for key in ["model", "messages", "stream"] {
                    self.ensure(
                        !openai.extra_body.contains_key(key),
                        &format!("workflow.extra_body.{key}"),
                        "sizer itself sets this key",
                        "use the workflow's own key of that name",
                    )?;
                }
                for key in openai.extra_body.keys().filter(|key| names_a_secret(key)) {
                    self.ensure(
                        key.contains("tokens"),
                        &format!("workflow.extra_body.{key}"),
                        "this looks like a secret, and extra_body is stored in artifacts",
                        "send it in a header, by reference",
                    )?;
                }
                Ok(())
            }
            WorkflowSpec::Nat(_) | WorkflowSpec::Recorded(_) => Ok(()),
            WorkflowSpec::Custom(custom) => self.custom(custom),
            WorkflowSpec::Http(http) => self.http(http),
            WorkflowSpec::Simulator(simulator) => self.simulator(simulator),
        }
    }

    fn connection(&self, at: &str, connection: &ConnectionSpec) -> Check {
        let at = |key: &str| format!("{at}.{key}");
        if let Some(proxy) = &connection.proxy {
            self.address(&at("proxy"), proxy.public())?;
        }
        self.ensure(
            connection.proxy.is_none() || connection.unix_socket.is_none(),
            &at("proxy"),
            "a socket of this machine is reached without a proxy",
            "keep `proxy` or `unix_socket`",
        )?;
        self.ensure(
            !connection.insecure || connection.ca.is_none(),
            &at("insecure"),
            "any certificate is accepted, so `ca` changes nothing",
            "keep `ca` or `insecure`",
        )?;
        for (key, limit) in [
            ("connect_timeout", connection.connect_timeout),
            ("first_byte_timeout", connection.first_byte_timeout),
        ] {
            self.ensure(
                limit.is_none_or(|limit| limit.get() > 0.0),
                &at(key),
                "nothing happens within 0 s",
                "leave it out to set no limit of its own",
            )?;
        }
        Ok(())
    }

    fn http(&self, http: &HttpSpec) -> Check {
        self.fixed_host("workflow.url", http.url.public())?;
        self.ensure(
            http.success.equals.is_none() || http.success.pointer.is_some(),
            "workflow.success.equals",
            "it does not say where in the answer",
            "add `pointer: /path/to/it`",
        )?;
        self.ensure(
            http.success.status.iter().all(|status| (100..600).contains(status)),
            "workflow.success.status",
            "a status lies between 100 and 599",
            "leave it out for 200 to 299",
        )
    }

    fn custom(&self, custom: &CustomSpec) -> Check {
        for key in custom.settings.keys().filter(|key| names_a_secret(key)) {
            self.ensure(
                false,
                &format!("workflow.settings.{key}"),
                "this looks like a secret, and settings are stored in artifacts",
                "hand it to the workflow in code",
            )?;
        }
        Ok(())
    }

    fn simulator(&self, simulator: &SimulatorSpec) -> Check {
        let engine = &simulator.engine;
        let at = |key: &str| format!("workflow.engine.{key}");
        self.ensure(
            (1..=MOST_REPLICAS).contains(&engine.replicas),
            &at("replicas"),
            "between 1 and 10000 replicas",
            "1 is the default",
        )?;
        self.ensure(
            engine.max_batch > 0,
            &at("max_batch"),
            "there must be at least 1",
            "16 is the default",
        )?;
        let step = engine.base.get() + engine.per_sequence.get();
        self.ensure(step > 0.0, &at("base"), "a step must take time", "4ms is the default")?;
        self.ensure(
            (0.0..=2.0).contains(&engine.jitter),
            &at("jitter"),
            "jitter lies between 0 and 2",
            "0 is the default",
        )?;
        let calls = simulator.agent.calls;
        self.ensure(
            calls > 0,
            "workflow.agent.calls",
            "an agent makes at least 1 call",
            "2 is the default",
        )?;
        let lengths = [
            ("output_tokens", Some(&simulator.output_tokens)),
            ("prompt_tokens", simulator.prompt_tokens.as_ref()),
        ];
        for (key, length) in lengths {
            let fits = |length: &Length| {
                (1.0..=1e6).contains(&length.median) && (0.0..=3.0).contains(&length.sigma)
            };
            self.ensure(
                length.is_none_or(fits),
                &format!("workflow.{key}"),
                "a median lies between 1 and 1000000 tokens, a sigma between 0 and 3",
                "write a number, or {median: 200, sigma: 0.4}",
            )?;
        }
        for (index, fault) in simulator.faults.iter().enumerate() {
            self.ensure(
                (0.0..=1.0).contains(&fault.share),
                &format!("workflow.faults.{index}.share"),
                "a share lies between 0 and 1",
                "1 is the default",
            )?;
        }
        Ok(())
    }
}
