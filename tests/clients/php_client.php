<?php
// The library mtownsend/remove-bg where its file lies beside this one, with Debian's Guzzle; else
// a stand-in that sends its requests by curl and joins all values of the first error as it does.
[$script, $image, $folder] = $argv;
$library = __DIR__ . '/checkouts/php-remove-bg/RemoveBg.php';

function withLibrary(string $image, string $folder): array
{
    $new = fn () => new Mtownsend\RemoveBg\RemoveBg('any');
    $body = ['size' => 'auto', 'bg_color' => '#ff0000', 'add_shadow' => true];
    $new()->file($image)->body($body)->save("$folder/file.jpg");
    $base64 = $new()->base64(base64_encode(file_get_contents($image)))
        ->body(['size' => 'auto', 'channels' => 'rgba'])->getBase64();
    file_put_contents("$folder/base64.png", base64_decode($base64));
    try {
        $new()->file($image)->body(['size' => 'huge'])->get();
    } catch (Exception $error) {
        $refused = $error->getMessage();
    }
    return ['client' => 'library', 'refused' => $refused];
}

function send(array $fields, array $headers = []): string
{
    $handle = curl_init('https://api.remove.bg/v1.0/removebg');
    curl_setopt_array($handle, [
        CURLOPT_POSTFIELDS => $fields,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => ['X-API-Key: any', ...$headers],
        CURLOPT_CAINFO => getenv('SSL_CERT_FILE'),
    ]);
    return curl_exec($handle);
}

function withCurl(string $image, string $folder): array
{
    $file = new CURLFile($image, null, 'photo.png');
    $fields = ['size' => 'auto', 'bg_color' => '#ff0000', 'add_shadow' => true];
    file_put_contents("$folder/file.jpg", send(['image_file' => $file, ...$fields]));
    $json = send(
        ['image_file_b64' => base64_encode(file_get_contents($image)), 'size' => 'auto'],
        ['Accept: application/json'],
    );
    $base64 = json_decode($json, true)['data']['result_b64'];
    file_put_contents("$folder/base64.png", base64_decode($base64));
    $errors = json_decode(send(['image_file' => $file, 'size' => 'huge']), true)['errors'];
    return ['client' => 'stand-in', 'refused' => implode(' - ', reset($errors))];
}

if (file_exists($library)) {
    require '/usr/share/php/GuzzleHttp/autoload.php';
    require $library;
    echo json_encode(withLibrary($image, $folder)), "\n";
} else {
    echo json_encode(withCurl($image, $folder)), "\n";
}
