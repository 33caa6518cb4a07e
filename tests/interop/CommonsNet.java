// Apache commons-net: upload, list (its own parser for the Windows style), download, rename, delete; FTPS when asked.
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPClient;
import org.apache.commons.net.ftp.FTPFile;
import org.apache.commons.net.ftp.FTPSClient;
import org.apache.commons.net.util.KeyManagerUtils;
import org.apache.commons.net.util.TrustManagerUtils;

public class CommonsNet {
    static FTPClient ftp;

    static void must(boolean ok, String what) {
        if (!ok)
            throw new IllegalStateException(what + ": " + ftp.getReplyString());
    }

    public static void main(String[] arguments) throws Exception {
        boolean tls = arguments[1].equals("1");
        if (tls) {
            FTPSClient secure = new FTPSClient(false);
            secure.setTrustManager(TrustManagerUtils.getAcceptAllTrustManager());
            if (arguments.length > 2) // a client certificate with its key, PKCS #12
                secure.setKeyManager(KeyManagerUtils.createClientKeyManager("PKCS12", new java.io.File(arguments[2]), "secret",
                                                                            "client", "secret"));
            ftp = secure;
        } else {
            ftp = new FTPClient();
        }
        ftp.setDefaultTimeout(30000);
        ftp.connect("127.0.0.1", Integer.parseInt(arguments[0]));
        must(ftp.login("anna", "secret"), "login");
        if (tls) {
            ((FTPSClient) ftp).execPBSZ(0);
            ((FTPSClient) ftp).execPROT("P");
        }
        ftp.enterLocalPassiveMode();
        must(ftp.getSystemType().equals("Windows_NT"), "syst");
        must(ftp.setFileType(FTP.BINARY_FILE_TYPE), "type");
        must(ftp.makeDirectory("dir"), "mkd");
        must(ftp.changeWorkingDirectory("dir"), "cwd");
        try (InputStream up = new FileInputStream("up.bin")) {
            must(ftp.storeFile("up.bin", up), "stor");
        }
        FTPFile[] files = ftp.listFiles();
        must(files.length == 1 && files[0].isFile() && files[0].getName().equals("up.bin")
                && files[0].getSize() == new java.io.File("up.bin").length(), "list");
        must(ftp.mlistDir().length >= 1, "mlsd");
        try (OutputStream down = new FileOutputStream("down.bin")) {
            must(ftp.retrieveFile("up.bin", down), "retr");
        }
        must(ftp.rename("up.bin", "moved.bin"), "rename");
        must(ftp.deleteFile("moved.bin"), "dele");
        must(ftp.changeToParentDirectory(), "cdup");
        must(ftp.removeDirectory("dir"), "rmd");
        ftp.logout();
        ftp.disconnect();
    }
}
