package configdef

// brokerSslKeys are the keys of TLS and of what it says about a client (SslConfigs
// and BrokerSecurityConfigs in Kafka).
var brokerSslKeys = []Key{
	{
		Name: "ssl.client.auth", Type: String, Default: "none", Check: OneOf("required", "requested", "none"), Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Whether clients must (required), may (requested) or need not (none) show a certificate.",
	},
	{
		Name: "ssl.principal.mapping.rules", Type: String, Default: "DEFAULT",
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Rules that make a user name of a certificate's distinguished name.",
	},
	{
		Name: "ssl.allow.dn.changes", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Whether a reloaded certificate may have another distinguished name.",
	},
	{
		Name: "ssl.allow.san.changes", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Whether a reloaded certificate may lack alternative names that the old one had.",
	},
	{
		Name: "ssl.protocol", Type: String, Default: "TLSv1.3", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Newest TLS version that is negotiated.",
	},
	{
		Name: "ssl.provider", Type: String, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Java security provider for TLS.",
	},
	{
		Name: "ssl.enabled.protocols", Type: List, Default: "TLSv1.2,TLSv1.3", Check: ListOf{EmptyAllowed: true}, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "TLS versions that are negotiated.",
	},
	{
		Name: "ssl.keystore.type", Type: String, Default: "JKS", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Format of the key store: PEM, PKCS12 or JKS.",
	},
	{
		Name: "ssl.keystore.location", Type: String, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "File with the broker's key and certificates.",
	},
	{
		Name: "ssl.keystore.password", Type: Password, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Password of the key store.",
	},
	{
		Name: "ssl.key.password", Type: Password, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Password of the private key.",
	},
	{
		Name: "ssl.keystore.key", Type: Password, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Private key in PEM, given in place.",
	},
	{
		Name: "ssl.keystore.certificate.chain", Type: Password, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Certificate chain in PEM, given in place.",
	},
	{
		Name: "ssl.truststore.type", Type: String, Default: "JKS", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Format of the trust store: PEM, PKCS12 or JKS.",
	},
	{
		Name: "ssl.truststore.location", Type: String, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "File with the certificates that are trusted.",
	},
	{
		Name: "ssl.truststore.password", Type: Password, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Password of the trust store.",
	},
	{
		Name: "ssl.truststore.certificates", Type: Password, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Trusted certificates in PEM, given in place.",
	},
	{
		Name: "ssl.keymanager.algorithm", Type: String, Default: "SunX509", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Java algorithm for handling keys.",
	},
	{
		Name: "ssl.trustmanager.algorithm", Type: String, Default: "PKIX", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Java algorithm for checking certificates.",
	},
	{
		Name: "ssl.endpoint.identification.algorithm", Type: String, Default: "https", Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "How a server's name is checked against its certificate where this process is the client.",
	},
	{
		Name: "ssl.secure.random.implementation", Type: String, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Java source of random numbers for TLS.",
	},
	{
		Name: "ssl.cipher.suites", Type: List, Default: "", Check: ListOf{EmptyAllowed: true}, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Cipher suites that are negotiated; empty is the library's choice.",
	},
	{
		Name: "ssl.engine.factory.class", Type: Class, Default: Null, Dynamic: PerBroker,
		Honour: NoEffect, Reason: reasonSSL,
		Doc: "Class that makes TLS engines in Kafka.",
	},
	{
		Name: "security.providers", Type: String, Default: Null,
		Honour: Refused, Reason: reasonPlugin,
		Doc: "Java security providers to load.",
	},
	{
		Name: "principal.builder.class", Type: Class, Default: "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", Dynamic: PerBroker,
		Honour: Refused, Reason: reasonPlugin,
		Doc: "Class that makes a user name of what a connection proved.",
	},
	{
		Name: "connections.max.reauth.ms", Type: Long, Default: "0",
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "How long a SASL session lasts before the client must authenticate again; 0 is for ever.",
	},
}
