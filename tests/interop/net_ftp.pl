# Net::FTP: upload, list, download, rename, delete; TLS with the data channel protected when the second argument is 1.
use strict;
use warnings;
use Net::FTP;

my ($port, $tls, $pem) = @ARGV;    # the third: a client certificate and its key
my @certificate = $pem ? (SSL_cert_file => $pem, SSL_key_file => $pem) : ();
my $ftp = Net::FTP->new('127.0.0.1', Port => $port, Timeout => 30, Passive => 1, SSL_verify_mode => 0, @certificate) or die "connect: $@";
if ($tls) { $ftp->starttls or die 'starttls: ', $ftp->message }
$ftp->login('anna', 'secret') or die 'login: ', $ftp->message;
if ($tls) { $ftp->prot('P') or die 'prot: ', $ftp->message }
$ftp->binary or die;
$ftp->mkdir('dir') or die 'mkdir: ', $ftp->message;
$ftp->cwd('dir') or die 'cwd: ', $ftp->message;
$ftp->put('up.bin') or die 'put: ', $ftp->message;
my @names = $ftp->ls;
die "ls: @names" unless "@names" eq 'up.bin';
die 'size: ', $ftp->size('up.bin') unless $ftp->size('up.bin') == -s 'up.bin';
die 'mdtm: ', $ftp->message unless abs($ftp->mdtm('up.bin') - time) < 300;
$ftp->get('up.bin', 'down.bin') or die 'get: ', $ftp->message;
$ftp->rename('up.bin', 'moved.bin') or die 'rename: ', $ftp->message;
$ftp->delete('moved.bin') or die 'delete: ', $ftp->message;
$ftp->cdup or die;
$ftp->rmdir('dir') or die 'rmdir: ', $ftp->message;
$ftp->quit;
