import java.io.File;
import java.util.Arrays;
import org.semanticweb.HermiT.ReasonerFactory;
import org.semanticweb.owlapi.apibinding.OWLManager;
import org.semanticweb.owlapi.model.OWLOntology;
import org.semanticweb.owlapi.profiles.Profiles;
import org.semanticweb.owlapi.reasoner.OWLReasoner;

/** Each file is an ontology of its own; out come lines of file, key and value: how large it is, and all that is wrong. */
public class Reasoner {
    public static void main(String[] files) throws Exception {
        for (String file : files) {
            OWLOntology ontology =
                    OWLManager.createOWLOntologyManager().loadOntologyFromOntologyDocument(new File(file));
            say(file, "axioms", ontology.getLogicalAxiomCount());
            for (Profiles profile : Arrays.asList(Profiles.OWL2_DL, Profiles.OWL2_RL)) {
                profile.checkOntology(ontology).getViolations().forEach(one -> say(file, profile.name(), one));
            }
            OWLReasoner reasoner = new ReasonerFactory().createReasoner(ontology);
            if (reasoner.isConsistent()) {
                reasoner.getUnsatisfiableClasses()
                        .getEntitiesMinusBottom()
                        .forEach(one -> say(file, "unsatisfiable", one.toStringID()));
            } else {
                say(file, "inconsistent", "no model");
            }
            reasoner.dispose();
        }
    }

    private static void say(String file, String key, Object value) {
        System.out.println(new File(file).getName() + "\t" + key + "\t" + value.toString().replaceAll("\\s+", " "));
    }
}
