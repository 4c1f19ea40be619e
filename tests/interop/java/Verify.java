// nimbus-jose-jwt as the owner of an API uses it, who knows the issuer's name and nothing else.
//
// java -cp nimbus-jose-jwt.jar Verify.java AUTHORITY-PEM ISSUER AUDIENCE, and a token a line on stdin: each answers a line of JSON.
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

class Verify {
    public static void main(String[] given) throws Exception {
        trust(Path.of(given[0]));
        var processor = discovered(given[1], given[2]);
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String token = lines.readLine(); token != null; token = lines.readLine()) {
            System.out.println(JSONObjectUtils.toJSONString(verified(processor, token)));
        }
    }

    static DefaultJWTProcessor<SecurityContext> discovered(String issuer, String audience) throws Exception {
        Map<String, Object> document;
        try (var body = new URI(issuer + "/.well-known/openid-configuration").toURL().openStream()) {
            document = JSONObjectUtils.parse(new String(body.readAllBytes()));
        }
        if (!issuer.equals(document.get("issuer"))) {
            throw new IllegalStateException("the document is " + document.get("issuer") + "'s");
        }
        var algorithms = new HashSet<JWSAlgorithm>();
        for (var name : JSONObjectUtils.getStringList(document, "id_token_signing_alg_values_supported")) {
            algorithms.add(JWSAlgorithm.parse(name));
        }
        var keys = JWKSourceBuilder.create(JSONObjectUtils.getURI(document, "jwks_uri").toURL()).build();
        var processor = new DefaultJWTProcessor<SecurityContext>();
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(algorithms, keys));
        var expected = new JWTClaimsSet.Builder().issuer(issuer).build();
        processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(audience, expected, Set.of("sub", "exp", "iat")));
        return processor;
    }

    static Map<String, Object> verified(DefaultJWTProcessor<SecurityContext> processor, String token) {
        var said = new HashMap<String, Object>();
        try {
            said.put("subject", processor.process(token, null).getSubject());
        } catch (Exception refusal) {
            said.put("refused", refusal.toString());
        }
        return said;
    }

    static void trust(Path authority) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var pem = Files.newInputStream(authority)) {
            store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
    }
}
