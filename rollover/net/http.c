/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"
#include "net/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "net/url.h"

#define CONNECT_MS 10000
#define TOTAL_MS 60000
#define LINES_MAX (4 * HTTP_HEADERS_MAX) /* interim answers and trailers counted */
#define BODY_STEP 4096

/* RFC 8446 section 6: an alert is two octets. */
enum {
    ALERT_FATAL = 2,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_CERTIFICATE_UNKNOWN = 46,
    ALERT_UNKNOWN_CA = 48,
    ALERT_DECRYPT_ERROR = 51 /* "unable to correctly verify a signature" */
};

struct http {
    CURL *curl;
    char *ca_file; /* NULL: libcurl's */
    bool plain;
    long connect_ms, total_ms;
    size_t body_max;
    bool (*stopping)(void *self);
    void *self;
    unsigned long connections;
};

/* One request under way. */
struct exchange {
    const struct http *http;
    struct http_response *out;
    size_t room;             /* of out->body */
    size_t lines;            /* of headers, of any kind */
    bool in_headers;         /* of an answer, not of its trailer */
    const char *too_large;   /* what was; or NULL */
    bool no_memory, stopped; /* why it ended */
    int alert;               /* the last TLS alert that we sent; 0: none */
    char why[CURL_ERROR_SIZE];
    char where[URL_WHERE_MAX]; /* "https://host:port" */
};

/* ---- the process --------------------------------------------------------------------- */

enum outcome http_global_init(struct err *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return err_set(err, OUT_BROKEN, "libcurl cannot start: %s", curl_easy_strerror(code));
    return OUT_OK;
}

void http_global_end(void)
{
    curl_global_cleanup();
}

/* ---- the object ---------------------------------------------------------------------- */

/* Said here already, and not only by the first request. */
static enum outcome check_ca_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "the file of trusted CAs %s", path);
    (void)close(fd);
    return OUT_OK;
}

enum outcome http_open(const struct http_config *config, struct http **out, struct err *err)
{
    *out = NULL;
    bool own = config->ca_file != NULL && config->ca_file[0] != '\0';
    if (own) {
        enum outcome rc = check_ca_file(config->ca_file, err);
        if (rc != OUT_OK)
            return rc;
    }
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    http->plain = config->plain;
    http->connect_ms = config->connect_ms > 0 ? config->connect_ms : CONNECT_MS;
    http->total_ms = config->total_ms > 0 ? config->total_ms : TOTAL_MS;
    http->body_max = config->body_max > 0 ? config->body_max : HTTP_BODY_MAX;
    http->stopping = config->stopping;
    http->self = config->self;
    http->ca_file = own ? strdup(config->ca_file) : NULL;
    http->curl = curl_easy_init();
    if (http->curl == NULL || (own && http->ca_file == NULL)) {
        http_close(&http);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    *out = http;
    return OUT_OK;
}

void http_close(struct http **http)
{
    if (*http == NULL)
        return;
    curl_easy_cleanup((*http)->curl);
    free((*http)->ca_file);
    free(*http);
    *http = NULL;
}

unsigned long http_connections(const struct http *http)
{
    return http->connections;
}

/* ---- the answer ---------------------------------------------------------------------- */

static void drop_headers(struct http_response *response)
{
    for (size_t i = 0; i < response->n_headers; i++) {
        free(response->names[i]);
        free(response->values[i]);
    }
    response->n_headers = 0;
}

void http_response_free(struct http_response *response)
{
    drop_headers(response);
    free(response->body);
    memset(response, 0, sizeof *response);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "Name: value" without the blanks around the value. False: no memory. */
static bool keep_header(struct http_response *out, const char *line, size_t len, size_t colon)
{
    size_t begin = colon + 1;
    while (begin < len && is_blank(line[begin]))
        begin++;
    while (len > begin && is_blank(line[len - 1]))
        len--;
    char *name = strndup(line, colon);
    char *value = strndup(line + begin, len - begin);
    if (name == NULL || value == NULL) {
        free(name);
        free(value);
        return false;
    }
    out->names[out->n_headers] = name;
    out->values[out->n_headers] = value;
    out->n_headers++;
    return true;
}

static bool take_line(struct exchange *ex, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (++ex->lines > LINES_MAX || len > HTTP_HEADER_MAX) {
        ex->too_large = len > HTTP_HEADER_MAX ? "a header" : "the number of headers";
        return false;
    }
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        drop_headers(ex->out);
        ex->in_headers = true;
        return true;
    }
    if (is_blank(line[0])) { /* the end, or a folded line, which RFC 9112 section 5.2 forbids */
        ex->in_headers = ex->in_headers && (line[0] == ' ' || line[0] == '\t');
        return true;
    }
    if (!ex->in_headers || colon == NULL || colon == line)
        return true;
    if (ex->out->n_headers == HTTP_HEADERS_MAX) {
        ex->too_large = "the number of headers";
        return false;
    }
    ex->no_memory = !keep_header(ex->out, line, len, (size_t)(colon - line));
    return !ex->no_memory;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
    size_t len = size * n;
    if (len == 0)
        return 0;
    return take_line(user, data, len) ? len : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct exchange *ex = user;
    struct http_response *out = ex->out;
    size_t len = size * n;
    if (len > ex->http->body_max - out->len) {
        ex->too_large = "the body";
        return CURL_WRITEFUNC_ERROR;
    }
    if (out->len + len >= ex->room) {
        size_t room = 2 * (out->len + len) + BODY_STEP;
        char *body = realloc(out->body, room);
        if (body == NULL) {
            ex->no_memory = true;
            return CURL_WRITEFUNC_ERROR;
        }
        out->body = body;
        ex->room = room;
    }
    memcpy(out->body + out->len, data, len);
    out->len += len;
    out->body[out->len] = '\0';
    return len;
}

static int on_progress(void *user, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                       curl_off_t ulnow)
{
    struct exchange *ex = user;
    (void)dltotal;
    (void)dlnow;
    (void)ultotal;
    (void)ulnow;
    if (ex->http->stopping != NULL && ex->http->stopping(ex->http->self))
        ex->stopped = true;
    return ex->stopped ? 1 : 0;
}

/* libcurl has no error of its own for a certificate whose signature is not its issuer's: the alert
 * that its TLS library sends is what tells. What else passes here is not looked at. */
static int on_debug(CURL *curl, curl_infotype type, char *data, size_t len, void *user)
{
    struct exchange *ex = user;
    (void)curl;
    if (type == CURLINFO_SSL_DATA_OUT && len == 2 && data[0] == ALERT_FATAL)
        ex->alert = (unsigned char)data[1];
    return 0;
}

/* ---- the request --------------------------------------------------------------------- */

/* Is it a URL that we speak? Sets ex->where. */
static enum outcome check_url(struct exchange *ex, const char *text, struct err *err)
{
    struct url url;
    enum outcome rc = url_split(text, &url, err);
    if (rc != OUT_OK)
        return rc;
    memcpy(ex->where, url.where, sizeof ex->where);
    if (!url.https && !url.http)
        return err_set(err, OUT_REFUSED, "%s: only https:// is spoken here", ex->where);
    if (!url.https && !ex->http->plain)
        return err_set(err, OUT_REFUSED,
                       "%s: plain http is refused, because anybody on the way could change the "
                       "answers: use https://",
                       ex->where);
    if (url.secret)
        return err_set(err, OUT_REFUSED, "%s: the URL holds a user or a password: take it out",
                       ex->where);
    return OUT_OK;
}

/* Headers may hold an API's key. */
static void free_list(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        text_wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static bool append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static enum outcome add_header(struct curl_slist **list, const struct http_header *header,
                               const char *where, struct err *err)
{
    char line[HTTP_HEADER_MAX];
    /* "Name;" is libcurl's way to write a header without a value. */
    bool fits = header->value[0] != '\0'
                    ? text_format(line, sizeof line, "%s: %s", header->name, header->value)
                    : text_format(line, sizeof line, "%s;", header->name);
    enum outcome rc = OUT_OK;
    if (!fits || strpbrk(line, "\r\n") != NULL)
        rc = err_set(err, OUT_REFUSED, "%s: the header %.80s is too long or has a line break",
                     where, header->name);
    else if (!append(list, line))
        rc = err_set(err, OUT_BROKEN, "out of memory");
    text_wipe(line, sizeof line);
    return rc;
}

static enum outcome make_headers(const struct http_request *request, const char *where,
                                 struct curl_slist **list, struct err *err)
{
    bool typed = false;
    enum outcome rc = OUT_OK;
    for (size_t i = 0; i < request->n_headers && rc == OUT_OK; i++) {
        rc = add_header(list, &request->headers[i], where, err);
        typed = typed || strcasecmp(request->headers[i].name, "Content-Type") == 0;
    }
    /* Not what libcurl would add by itself: a form's type, and a wait for "100 Continue". */
    if (rc == OUT_OK && (!append(list, "Expect:") || (!typed && !append(list, "Content-Type:"))))
        rc = err_set(err, OUT_BROKEN, "out of memory");
    return rc;
}

/* The first failure of several curl_easy_setopt(). */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(curl, (option), (value));                                      \
    } while (0)

static CURLcode set_bounds(const struct http *http, struct exchange *ex)
{
    CURL *curl = http->curl;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, http->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, http->total_ms);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROTOCOLS_STR, http->plain ? "https,http" : "https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)http->body_max);
    SET(CURLOPT_ERRORBUFFER, ex->why);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, ex);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, ex);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, ex);
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, ex);
    SET(CURLOPT_VERBOSE, 1L); /* to on_debug, and nowhere else */
    return code;
}

/* One file and no folder: only then libcurl keeps what it has loaded from one connection to the
 * next, and only then an operator's file is all that is trusted. */
static CURLcode set_trust(const struct http *http)
{
    CURL *curl = http->curl;
    CURLcode code = CURLE_OK;
    const char *file = http->ca_file;
    if (file == NULL)
        file = curl_version_info(CURLVERSION_NOW)->cainfo;
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (file != NULL) {
        SET(CURLOPT_CAINFO, file);
        SET(CURLOPT_CAPATH, (char *)NULL);
    }
    return code;
}

static CURLcode set_request(const struct http *http, const struct http_request *request,
                            struct curl_slist *headers)
{
    CURL *curl = http->curl;
    CURLcode code = CURLE_OK;
    bool body = strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_USERAGENT, "danemilter/" PACKAGE_VERSION);
    SET(CURLOPT_HTTPHEADER, headers);
    if (strcmp(request->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    if (body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body != NULL ? request->len : 0));
        SET(CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    }
    return code;
}

static bool is_untrusted(const struct exchange *ex, CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR ||
           code == CURLE_SSL_CERTPROBLEM ||
           (code == CURLE_SSL_CONNECT_ERROR &&
            ((ex->alert >= ALERT_BAD_CERTIFICATE && ex->alert <= ALERT_CERTIFICATE_UNKNOWN) ||
             ex->alert == ALERT_UNKNOWN_CA || ex->alert == ALERT_DECRYPT_ERROR));
}

static enum outcome explain(const struct exchange *ex, CURLcode code, struct err *err)
{
    const char *why = ex->why[0] != '\0' ? ex->why : curl_easy_strerror(code);
    if (ex->no_memory || code == CURLE_OUT_OF_MEMORY)
        return err_set(err, OUT_BROKEN, "%s: out of memory", ex->where);
    if (ex->stopped)
        return err_set(err, OUT_RETRY, "%s: given up, because danemilter is stopping", ex->where);
    if (ex->too_large != NULL || code == CURLE_FILESIZE_EXCEEDED)
        return err_set(err, OUT_REFUSED, "%s: %s of the answer is too large to be taken", ex->where,
                       ex->too_large != NULL ? ex->too_large : "the body");
    if (is_untrusted(ex, code))
        return err_set(err, OUT_REFUSED,
                       "%s: its certificate is not to be trusted (%.300s): mend the server, or, "
                       "for a CA of your own, name its certificate in ca_file",
                       ex->where, why);
    switch (code) {
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, OUT_BROKEN, "%s: the file of trusted CAs cannot be used: %.300s",
                       ex->where, why);
    case CURLE_URL_MALFORMAT:
        return err_set(err, OUT_REFUSED, "%s: not a URL: %.300s", ex->where, why);
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return err_set(err, OUT_BROKEN, "%s: libcurl cannot do it: %.300s", ex->where, why);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, OUT_RETRY, "%s: no answer in time (%.300s)", ex->where, why);
    default:
        return err_set(err, OUT_RETRY, "%s: no answer: %.300s", ex->where, why);
    }
}

static enum outcome perform(struct http *http, const struct http_request *request,
                            struct curl_slist *headers, struct exchange *ex, struct err *err)
{
    long made = 0;
    curl_easy_reset(http->curl);
    CURLcode code = set_bounds(http, ex);
    if (code == CURLE_OK)
        code = set_trust(http);
    if (code == CURLE_OK)
        code = set_request(http, request, headers);
    if (code == CURLE_OK && on_progress(ex, 0, 0, 0, 0) != 0)
        code = CURLE_ABORTED_BY_CALLBACK;
    if (code == CURLE_OK)
        code = curl_easy_perform(http->curl);
    if (curl_easy_getinfo(http->curl, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK && made > 0)
        http->connections += (unsigned long)made;
    if (code == CURLE_OK)
        code = curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &ex->out->status);
    enum outcome rc = code == CURLE_OK ? OUT_OK : explain(ex, code, err);
    curl_easy_reset(http->curl); /* it points into what ends here */
    return rc;
}

static bool method_known(const char *method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PATCH", "PUT"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], method) == 0)
            return true;
    }
    return false;
}

enum outcome http_do(struct http *http, const struct http_request *request,
                     struct http_response *out, struct err *err)
{
    struct exchange ex = {.http = http, .out = out};
    struct curl_slist *headers = NULL;
    memset(out, 0, sizeof *out);
    if (!method_known(request->method))
        return err_set(err, OUT_BROKEN, "%s is no HTTP method that is spoken here",
                       request->method);
    enum outcome rc = check_url(&ex, request->url, err);
    if (rc == OUT_OK)
        rc = make_headers(request, ex.where, &headers, err);
    if (rc == OUT_OK && (out->body = calloc(1, 1)) == NULL)
        rc = err_set(err, OUT_BROKEN, "%s: out of memory", ex.where);
    if (rc == OUT_OK) {
        ex.room = 1;
        rc = perform(http, request, headers, &ex, err);
    }
    free_list(headers);
    if (rc != OUT_OK)
        http_response_free(out);
    return rc;
}
