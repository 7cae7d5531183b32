package configdef

// brokerSaslKeys are the keys of SASL authentication (SaslConfigs and
// BrokerSecurityConfigs in Kafka).
var brokerSaslKeys = []Key{
	{
		Name: "sasl.server.max.receive.size", Type: Int, Default: "524288",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Largest request in bytes before a connection has authenticated.",
	},
	{
		Name: "sasl.mechanism.inter.broker.protocol", Type: String, Default: "GSSAPI", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Mechanism that Kafka's brokers use among themselves.",
	},
	{
		Name: "sasl.mechanism.controller.protocol", Type: String, Default: "GSSAPI",
		Honour: NoEffect, Reason: reasonController,
		Doc: "Mechanism for talking to Kafka's controllers.",
	},
	{
		Name: "sasl.enabled.mechanisms", Type: List, Default: "GSSAPI", Check: ListOf{EmptyAllowed: true}, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Mechanisms that clients may use.",
	},
	{
		Name: "sasl.server.callback.handler.class", Type: Class, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Class that checks credentials in Kafka.",
	},
	{
		Name: "sasl.client.callback.handler.class", Type: Class, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Class that supplies credentials where Kafka is the client.",
	},
	{
		Name: "sasl.jaas.config", Type: Password, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Login module and users of a mechanism, in the format of JAAS files.",
	},
	{
		Name: "sasl.login.class", Type: Class, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Class that logs Kafka in.",
	},
	{
		Name: "sasl.login.callback.handler.class", Type: Class, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Class that supplies credentials to such a login.",
	},
	{
		Name: "sasl.kerberos.service.name", Type: String, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Kerberos name of the broker.",
	},
	{
		Name: "sasl.kerberos.kinit.cmd", Type: String, Default: "/usr/bin/kinit", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Path of kinit.",
	},
	{
		Name: "sasl.kerberos.ticket.renew.window.factor", Type: Double, Default: "0.8", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Part of a ticket's life after which it is renewed.",
	},
	{
		Name: "sasl.kerberos.ticket.renew.jitter", Type: Double, Default: "0.05", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Random part that is added to the renewal time.",
	},
	{
		Name: "sasl.kerberos.min.time.before.relogin", Type: Long, Default: "60000", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Least time between two attempts to renew, in ms.",
	},
	{
		Name: "sasl.kerberos.principal.to.local.rules", Type: List, Default: "DEFAULT", Check: ListOf{EmptyAllowed: true}, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Rules that make a user name of a Kerberos principal.",
	},
	{
		Name: "sasl.login.refresh.window.factor", Type: Double, Default: "0.8", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Part of a credential's life after which it is refreshed.",
	},
	{
		Name: "sasl.login.refresh.window.jitter", Type: Double, Default: "0.05", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Random part that is added to the refresh time.",
	},
	{
		Name: "sasl.login.refresh.min.period.seconds", Type: Short, Default: "60", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Least time between two refreshes.",
	},
	{
		Name: "sasl.login.refresh.buffer.seconds", Type: Short, Default: "300", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Time that should be left when a credential is refreshed.",
	},
	{
		Name: "sasl.login.connect.timeout.ms", Type: Int, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "How long connecting to an identity provider may take.",
	},
	{
		Name: "sasl.login.read.timeout.ms", Type: Int, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "How long an identity provider may take to answer.",
	},
	{
		Name: "sasl.login.retry.backoff.ms", Type: Long, Default: "100",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "First wait before an identity provider is asked again.",
	},
	{
		Name: "sasl.login.retry.backoff.max.ms", Type: Long, Default: "10000",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Longest wait before an identity provider is asked again.",
	},
	{
		Name: "sasl.oauthbearer.jwt.retriever.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Class that fetches tokens in Kafka.",
	},
	{
		Name: "sasl.oauthbearer.jwt.validator.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Class that checks tokens in Kafka.",
	},
	{
		Name: "sasl.oauthbearer.scope", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Scope to ask for when a token is fetched.",
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.id", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Client id for fetching a token.",
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.secret", Type: Password, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Client secret for fetching a token.",
	},
	{
		Name: "sasl.oauthbearer.assertion.algorithm", Type: String, Default: "RS256", Check: OneOfFold("ES256", "RS256"),
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Algorithm with which an assertion is signed.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.aud", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Audience of an assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.exp.seconds", Type: Int, Default: "300", Check: Between(0, 86400),
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Seconds until an assertion expires.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.iss", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Issuer of an assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.jti.include", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Whether an assertion carries an id of its own.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.nbf.seconds", Type: Int, Default: "60", Check: Between(0, 3600),
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Seconds before now from which an assertion is valid.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.sub", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Subject of an assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.file", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "File with a ready assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.file", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "File with the key that signs assertions.",
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.passphrase", Type: Password, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Passphrase of that key.",
	},
	{
		Name: "sasl.oauthbearer.assertion.template.file", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "File with a template for assertions.",
	},
	{
		Name: "sasl.oauthbearer.scope.claim.name", Type: String, Default: "scope",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Claim in which a token carries its scope.",
	},
	{
		Name: "sasl.oauthbearer.sub.claim.name", Type: String, Default: "sub",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Claim in which a token carries the user.",
	},
	{
		Name: "sasl.oauthbearer.token.endpoint.url", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Address from which tokens are fetched.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.url", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Address of the keys with which tokens are checked.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.refresh.ms", Type: Long, Default: "3600000",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "How often these keys are fetched again.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Type: Long, Default: "100",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "First wait before fetching the keys again after a failure.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Type: Long, Default: "10000",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Longest wait before fetching the keys again after a failure.",
	},
	{
		Name: "sasl.oauthbearer.clock.skew.seconds", Type: Int, Default: "30",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Difference of clocks that is tolerated when a token is checked.",
	},
	{
		Name: "sasl.oauthbearer.expected.audience", Type: List, Default: "", Check: ListOf{EmptyAllowed: true},
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Audiences of which a token must name one.",
	},
	{
		Name: "sasl.oauthbearer.expected.issuer", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Issuer that a token must name.",
	},
	{
		Name: "sasl.oauthbearer.allow.unverified.audience", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Whether tokens are taken though no audience is configured to check.",
	},
	{
		Name: "sasl.oauthbearer.allow.unverified.issuer", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "Whether tokens are taken though no issuer is configured to check.",
	},
}
