import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs scenarios of the stock Java client against one broker, all in one JVM, and prints a line
 * "ok NAME" or "FAIL NAME why" for each. A scenario that needs the broker restarted asks for it by the line
 * "RESTART" and goes on when a line comes back.
 *
 * <p>Usage: Scenarios BOOTSTRAP [PREFIX]: all scenarios, or those whose names begin with PREFIX.
 */
public final class Scenarios {
    /** One scenario; anything that it throws is its failure. */
    interface Scenario {
        void run(Cluster cluster) throws Exception;
    }

    private static final BufferedReader STDIN = new BufferedReader(new InputStreamReader(System.in));

    private Scenarios() {}

    public static void main(String[] args) {
        String prefix = args.length > 1 ? args[1] : "";
        Map<String, Scenario> all = new LinkedHashMap<>();
        ProduceScenarios.register(all);
        ConsumeScenarios.register(all);
        AdminScenarios.register(all);
        List<String> failed = new ArrayList<>();
        for (Map.Entry<String, Scenario> each : all.entrySet()) {
            if (!each.getKey().startsWith(prefix)) {
                continue;
            }
            try (Cluster cluster = new Cluster(args[0])) {
                each.getValue().run(cluster);
                System.out.println("ok " + each.getKey());
            } catch (Throwable t) {
                failed.add(each.getKey());
                System.out.println("FAIL " + each.getKey() + " " + oneLine(t));
                t.printStackTrace();
            }
        }
        System.exit(failed.isEmpty() ? 0 : 1);
    }

    /** Asks the test to restart the broker, and waits until it has. */
    static void restartBroker() throws Exception {
        System.out.println("RESTART");
        System.out.flush();
        if (STDIN.readLine() == null) {
            throw new IllegalStateException("the test went away");
        }
    }

    /** A condition that may need time; a throwing one does not hold yet. */
    interface Condition {
        boolean holds() throws Exception;
    }

    /** Waits up to a minute for what Apache Kafka does after it has answered. */
    static void await(Condition condition, String what) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        Exception last = null;
        while (System.nanoTime() < deadline) {
            try {
                if (condition.holds()) {
                    return;
                }
            } catch (java.util.concurrent.ExecutionException e) {
                last = e;
            }
            Thread.sleep(20);
        }
        throw new AssertionError("never: " + what, last);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void equal(Object want, Object got, String what) {
        check(want == null ? got == null : want.equals(got), what + ": want " + want + ", got " + got);
    }

    private static String oneLine(Throwable t) {
        Throwable root = t;
        while (root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        String text = t == root ? t.toString() : t + " / " + root;
        return text.replace('\n', ' ');
    }
}
