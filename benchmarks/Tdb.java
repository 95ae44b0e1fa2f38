// Ask Jena's TDB2 queries in one process, all graphs seen as one.
//   java -cp JENA Tdb.java STORE QUERIES_FOLDER TIMES ENOUGH FOLDER
// Prints a line a query: its name, a tab, the seconds (the best) or what failed. Answers go to FOLDER.
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.jena.query.ARQ;
import org.apache.jena.query.Dataset;
import org.apache.jena.query.QueryExecution;
import org.apache.jena.query.QueryExecutionFactory;
import org.apache.jena.query.ReadWrite;
import org.apache.jena.query.ResultSetFormatter;
import org.apache.jena.tdb2.TDB2;
import org.apache.jena.tdb2.TDB2Factory;

public class Tdb {
    public static void main(String[] words) throws Exception {
        Dataset dataset = TDB2Factory.connectDataset(words[0]);
        List<Path> queries;
        try (var files = Files.list(Path.of(words[1]))) {
            queries = files.sorted().collect(Collectors.toList());
        }
        for (Path query : queries) {
            String name = query.getFileName().toString().replace(".rq", "");
            String said = "";
            double best = Double.MAX_VALUE;
            double spent = 0;
            for (int time = 0; time < Integer.parseInt(words[2]) && spent < Double.parseDouble(words[3]); time++) {
                long started = System.nanoTime();
                dataset.begin(ReadWrite.READ);
                try (QueryExecution execution = QueryExecutionFactory.create(Files.readString(query), dataset)) {
                    execution.getContext().set(TDB2.symUnionDefaultGraph, true);
                    var body = new ByteArrayOutputStream();
                    ResultSetFormatter.outputAsJSON(body, execution.execSelect());
                    double seconds = (System.nanoTime() - started) / 1e9;
                    spent += seconds;
                    best = Math.min(best, seconds);
                    said = Double.toString(best);
                    Files.write(Path.of(words[4], name + ".srj"), body.toByteArray());
                } catch (Exception error) {
                    said = error.toString().split("\n")[0];
                } finally {
                    dataset.end();
                }
            }
            System.out.println(name + "\t" + said);
        }
    }
}
